"""The module service_files as a program: attributes, and a restart that was lost."""

import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


def call(folder: Path, *files: dict[str, Any], check: bool = False, **options: Any) -> dict[str, Any]:
    """Run the module with paths below the folder, also if it fails; return its result."""
    contents = {str(folder / file["path"]): file["content"] for file in files}
    given = [{key: value for key, value in file.items() if key != "content"} for file in files]
    given = [{**file, "path": str(folder / file["path"])} for file in given]
    arguments = {"files": given, "contents": contents, "records": str(folder / "applied"), **options}
    arguments["_ansible_check_mode"] = check
    done = subprocess.run(
        [sys.executable, "tests/run_module.py", "service_files"],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.stdout, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def changes(folder: Path, *files: dict[str, Any], **options: Any) -> bool:
    return bool(call(folder, *files, service="x", **options)["changed"])


def settings(value: int) -> dict[str, Any]:
    return {"path": "settings.env", "content": f"A={value}\n", "mode": "0600"}


def test_file_is_written_with_its_mode_and_its_folder(tmp_path: Path) -> None:
    file = {"path": "a/b/run", "content": "#!/bin/sh\n", "mode": "0755"}
    folders = {str(tmp_path / "a"): "0700"}
    result = call(tmp_path, file, folders=folders)
    assert result["written"] == [str(tmp_path / "a"), str(tmp_path / "a/b/run")]
    assert (tmp_path / "a/b/run").read_text() == "#!/bin/sh\n"
    assert stat.S_IMODE((tmp_path / "a/b/run").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700
    assert call(tmp_path, file, folders=folders)["changed"] is False


def test_wrong_mode_is_corrected_without_a_new_file(tmp_path: Path) -> None:
    call(tmp_path, settings(1))
    path = tmp_path / "settings.env"
    number = path.stat().st_ino
    path.chmod(0o644)
    assert call(tmp_path, settings(1))["written"] == [str(path)]
    assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_ino) == (0o600, number)


def test_kept_file_keeps_its_content(tmp_path: Path) -> None:
    (tmp_path / "record").write_text("own\n")
    (tmp_path / "record").chmod(0o644)
    assert call(tmp_path, {"path": "record", "content": "1\n", "keep": True})["changed"] is False
    assert (tmp_path / "record").read_text() == "own\n"
    assert call(tmp_path, {"path": "other", "content": "1\n", "keep": True})["changed"] is True
    assert (tmp_path / "other").read_text() == "1\n"


def test_change_is_reported_until_the_service_was_started_with_it(tmp_path: Path) -> None:
    assert changes(tmp_path, settings(1))
    assert not changes(tmp_path, settings(1), state="applied")
    assert not changes(tmp_path, settings(1))
    assert [changes(tmp_path, settings(2)), changes(tmp_path, settings(2))] == [True, True]  # the first was interrupted
    assert not changes(tmp_path, settings(2), state="applied")
    assert not changes(tmp_path, settings(2))


def test_files_without_a_record_are_those_of_the_start(tmp_path: Path) -> None:
    call(tmp_path, settings(1))
    assert not changes(tmp_path, settings(1))
    assert changes(tmp_path, settings(2))


def test_removed_file_is_a_change(tmp_path: Path) -> None:
    changes(tmp_path, settings(1))
    changes(tmp_path, settings(1), state="applied")
    (tmp_path / "settings.env").unlink()
    result = call(tmp_path, settings(1), service="x")
    assert (result["changed"], result["applied"]) == (True, False)


def test_file_that_the_running_service_reads_needs_no_restart(tmp_path: Path) -> None:
    live = {"path": "metrics", "content": "1\n", "live": True}
    changes(tmp_path, settings(1), live)
    changes(tmp_path, settings(1), live, state="applied")
    result = call(tmp_path, settings(1), {**live, "content": "2\n"}, service="x")
    assert (result["changed"], result["applied"]) == (True, True)


def test_check_mode_writes_nothing(tmp_path: Path) -> None:
    result = call(tmp_path, settings(1), check=True, service="x")
    assert (result["changed"], result["applied"]) == (True, False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("state", ["present", "applied"])
def test_contents_are_not_returned(tmp_path: Path, state: str) -> None:
    assert "A=7" not in json.dumps(call(tmp_path, settings(7), service="x", state=state))


def test_folder_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "settings.env").mkdir()
    problem = call(tmp_path, settings(1))["problems"][0]
    assert (problem["code"], problem["parameters"]["path"]) == ("file-unwritten", str(tmp_path / "settings.env"))
