"""The module applied_files as a program: a restart that an interrupted run has lost is found again."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    file = tmp_path / "settings.env"
    file.write_text("A=1\n")
    return file


def call(settings: Path, state: str = "compared", *, check: bool = False) -> bool:
    """Run the module; return whether it reports a change."""
    folder = settings.parent / "applied"
    arguments = {"name": "x", "files": [str(settings)], "state": state, "folder": str(folder)}
    done = subprocess.run(
        [sys.executable, "tests/run_module.py", "applied_files"],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments | {"_ansible_check_mode": check}}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return bool(json.loads(done.stdout)["changed"])


def test_change_is_reported_until_the_service_was_started_with_it(settings: Path) -> None:
    assert [call(settings), call(settings)] == [False, False]
    settings.write_text("A=2\n")
    assert [call(settings), call(settings)] == [True, True]  # the first run was interrupted
    assert call(settings, "applied") is False
    assert call(settings) is False


def test_removed_file_is_a_change(settings: Path) -> None:
    call(settings)
    settings.unlink()
    assert call(settings)


def test_check_mode_records_nothing(settings: Path) -> None:
    assert call(settings, check=True) is False
    settings.write_text("A=2\n")
    assert call(settings, check=True) is False
    assert not (settings.parent / "applied").exists()
