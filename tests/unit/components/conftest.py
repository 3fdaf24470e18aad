import shutil
from pathlib import Path

import pytest
from tests.unit.contributing import example

from inferfleet.components import Component, load_components
from inferfleet.components.loader import FOLDER

EXPORTER = example("Add a component")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the existing components and a custom one, added as one file."""
    for file in FOLDER.glob("*.yml"):
        shutil.copy(file, tmp_path)
    (tmp_path / "exporter.yml").write_text(EXPORTER)
    return tmp_path


@pytest.fixture
def components(folder: Path) -> tuple[Component, ...]:
    return load_components(folder)
