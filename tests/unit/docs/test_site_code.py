"""Inline code of the site breaks where a reader would break it."""

import pytest
from tools.site.hooks import breakable


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
