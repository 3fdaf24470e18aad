"""A small checkout whose playbooks run on this machine."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cli") / "demo"
    shutil.copytree(Path(__file__).parent / "cli/demo", root, ignore=shutil.ignore_patterns(".cache"))
    return root
