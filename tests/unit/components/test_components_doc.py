"""The page of components and ports is written from their files."""

import subprocess
import sys
from pathlib import Path

from tools.components_doc import render

ROOT = Path(__file__).parents[3]


def test_the_page_is_up_to_date():
    check = subprocess.run(
        [sys.executable, ROOT / "tools/components_doc.py", "--check"], capture_output=True, text=True
    )
    assert (check.returncode, check.stderr) == (0, "")


def test_a_further_component_is_on_the_page(components):
    page = render(components)
    assert "| Node exporter | `ray_head`, `ray_worker`, `monitoring` | container `inferfleet-node-exporter` |" in page
    assert "| 9100/tcp | Node exporter |  | `ray_head`, `ray_worker`, `monitoring` | nodes of the service |" in page
    assert "| `/etc/inferfleet/node-exporter.yml` | Node exporter | configuration |" in page
    assert "| `/var/lib/inferfleet/node-exporter` | Node exporter | data |" in page
