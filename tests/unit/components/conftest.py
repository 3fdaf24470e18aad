import shutil
from pathlib import Path

import pytest

from inferfleet.components import Component, load_components
from inferfleet.components.loader import FOLDER

EXPORTER = """\
title: Node exporter
groups: [ray_head, ray_worker, monitoring]
after: [engine]
image: quay.io/prometheus/node-exporter:v1.9.1
container: inferfleet-node-exporter
ports:
  - {number: 9100, reached_by: [nodes]}
health: {path: /metrics}
files: {web: /etc/inferfleet/node-exporter.yml}
data: [{path: /var/lib/inferfleet/node-exporter}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the components that there are and one more, added as one file."""
    for file in FOLDER.glob("*.yml"):
        shutil.copy(file, tmp_path)
    (tmp_path / "exporter.yml").write_text(EXPORTER)
    return tmp_path


@pytest.fixture
def components(folder: Path) -> tuple[Component, ...]:
    return load_components(folder)
