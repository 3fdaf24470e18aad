"""change_lock in real processes: one run holds the lock of a node, whichever started first."""

import json
import os
import time
from pathlib import Path

from ansible.module_utils.change_lock import renew

RUNS = [
    {"boot_id": "b", "pid_namespace": "n", "pid": pid, "pid_started": 7, "user": "ops", "controller": "c"}
    for pid in range(11, 17)
]


def test_one_of_many_runs_at_once_gets_the_lock(start_module, run_module, tmp_path):
    path = tmp_path / "run" / "lock.json"
    started = [start_module("change_lock", run=run, path=str(path)) for run in RUNS]
    results = [json.loads(process.communicate(timeout=60)[0]) for process in started]
    holder = json.loads(path.read_text())
    assert holder in RUNS
    assert [result["holder"] for result in results] == [{} if run == holder else holder for run in RUNS]
    assert [result["changed"] for result in results] == [False] * len(RUNS)
    assert [path.name for path in path.parent.iterdir()] == ["lock.json"]
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o022) == (0o644, 0)


def test_a_lock_is_renewed_by_its_run_and_released_by_it_only(run_module, tmp_path):
    first, second, path = RUNS[0], RUNS[1], tmp_path / "lock.json"
    for _ in range(2):
        assert run_module("change_lock", run=first, path=str(path))["holder"] == {}
        os.utime(path, (time.time() - 7200,) * 2)
    result = run_module("change_lock", run=second, path=str(path))
    assert result["holder"] == first
    assert 7200 <= result["age"] < 7300
    run_module("change_lock", run=second, path=str(path), state="absent")
    assert json.loads(path.read_text()) == first
    run_module("change_lock", run=first, path=str(path), state="absent")
    run_module("change_lock", run=first, path=str(path), state="absent")  # without a lock
    assert not path.exists()


def test_only_the_stale_lock_that_was_found_is_replaced(run_module, tmp_path):
    stale, other, own, path = RUNS[0], RUNS[1], RUNS[2], tmp_path / "lock.json"
    path.write_text(json.dumps(other))  # another run has replaced the stale lock meanwhile
    assert run_module("change_lock", run=own, path=str(path), stale=stale)["holder"] == other
    path.write_text(json.dumps(stale))
    assert run_module("change_lock", run=own, path=str(path), stale=stale)["holder"] == {}
    assert json.loads(path.read_text()) == own


def test_a_file_without_a_run_locks_nothing(run_module, tmp_path):
    path = tmp_path / "lock.json"
    for content in ("", "[]", "{"):
        path.write_text(content)
        assert run_module("change_lock", run=RUNS[0], path=str(path))["holder"] == {}


def test_check_mode_changes_nothing(run_module, tmp_path):
    path: Path = tmp_path / "run" / "lock.json"
    assert run_module("change_lock", check_mode=True, run=RUNS[0], path=str(path))["holder"] == {}
    assert not path.parent.exists()


def test_a_long_download_renews_the_lock(tmp_path):
    path = tmp_path / "lock.json"
    renew(str(path))
    assert not path.exists()
    path.write_text("{}")
    os.utime(path, (0, 0))
    renew(str(path))
    assert time.time() - path.stat().st_mtime < 60
