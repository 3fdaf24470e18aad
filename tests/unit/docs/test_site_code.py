"""Inline code of the site breaks where a reader would break it; links that leave the site become paths."""

from pathlib import Path

import pytest
from tools.site.hooks import breakable, outside_links

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("nvidia_driver_branch", "nvidia_<wbr>driver_<wbr>branch"),
        ("/etc/docker/daemon.json", "/etc/<wbr>docker/<wbr>daemon.<wbr>json"),
        ("up --assert-no-change", 'up <span class="unbroken">--assert-no-change</span>'),
        ("&lt;inventory&gt;/.secrets", "&lt;inventory&gt;/.secrets"),
        ("model", "model"),
    ],
)
def test_code_breaks_after_separators(code, expected):
    assert breakable(code) == expected


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("in [lab/](../../lab/).", "in `lab`."),
        ("see [Contributing](../../CONTRIBUTING.md#add-a-command).", "see Contributing (`CONTRIBUTING.md`)."),
        ("see [Network](network.md).", "see [Network](network.md)."),
    ],
)
def test_links_to_files_outside_of_the_site(markdown, expected):
    docs = ROOT / "docs"
    assert outside_links(markdown, docs / "en/cli.md", docs) == expected
