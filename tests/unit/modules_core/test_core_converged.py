"""The record of a run that changed nothing: what a node notices, and which runs remove or write it."""

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import converged, observation

RUN = {"boot_id": "b", "pid_namespace": "n", "pid": 11, "pid_started": 7, "started": "2026-11-28 18:00 UTC"}
INPUTS = {"code": "1", "secrets": "2"}


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """Return the root of a node with a managed folder, weights and a database of packages."""
    for name in ("etc/inferfleet/gateway", "models", "data", "run"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "etc/inferfleet/fabric.env").write_text("NCCL_DEBUG=INFO\n")
    (tmp_path / "etc/daemon.json").write_text('{"live-restore": true}')
    (tmp_path / "etc/enabled.service").symlink_to("/etc/systemd/system/x.service")
    (tmp_path / "models/shard.safetensors").write_bytes(bytes(1000))
    (tmp_path / "status").write_text("Package: docker.io\nPackage: haproxy\n")
    (tmp_path / "data/usage.db").write_text("")
    (tmp_path / "sysctl.conf").write_text("# ours\nkernel.ostype = Linux\n")
    return tmp_path


def options(node: Path) -> dict[str, Any]:
    return {
        "trees": [str(node / name) for name in ("etc", "models", "data", "missing")],
        "closed": [str(node / "data")],
        "files": [str(node / "status")],
        "units": ["inferfleet-*"],
        "containers": "inferfleet-",
        "sysctls": str(node / "sysctl.conf"),
        "table": "inferfleet",
        "images": [],
        "registry": [],
        "maps": {"folder": "", "socket": ""},
        "account": {"database": str(node / "webui.db"), "email": "admin@example.com"},
    }


@pytest.fixture(autouse=True)
def _only_files(monkeypatch):
    """Do not observe systemd and Docker of the machine that runs the tests."""
    monkeypatch.setattr(observation, "units", lambda patterns: [])
    monkeypatch.setattr(observation, "containers", lambda *arguments: [])


def compare(node: Path) -> dict[str, Any]:
    return converged.compare(str(node / "run/lock.json"))


def record(node: Path) -> None:
    assert compare(node)["differences"] == ["record"]
    converged.begin(str(node / "run"), INPUTS, options(node))
    assert converged.finish(str(node / "run"), "run 1", "2026-11-28 18:00 UTC")
    assert compare(node) == {"differences": [], "since": "2026-11-28 18:00 UTC", "run": "run 1", "inputs": INPUTS}


def webui(node: Path, password: str) -> None:
    with sqlite3.connect(node / "webui.db") as database:
        database.execute("CREATE TABLE IF NOT EXISTS auth (email TEXT PRIMARY KEY, password TEXT, active INTEGER)")
        database.execute("REPLACE INTO auth VALUES ('admin@example.com', ?, 1)", (password,))
        database.execute("REPLACE INTO auth VALUES ('user@example.com', ?, 1)", (os.urandom(4).hex(),))


BREAKAGES = {
    "etc/inferfleet/fabric.env": lambda path: path.chmod(0o666),
    "etc/daemon.json": lambda path: path.write_text('{"live-restore": None}'),
    "etc/inferfleet/gateway/extra.cfg": lambda path: path.write_text(""),
    "etc/inferfleet/gateway": lambda path: path.chmod(0o755 ^ path.stat().st_mode & 0o777),
    "etc/enabled.service": lambda path: path.unlink(),
    "models/shard.safetensors": lambda path: os.truncate(path, 10),
    "status": lambda path: path.write_text("Package: docker.io\n"),
    "missing": lambda path: path.mkdir(),
    "data": lambda path: path.chmod(0o777),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_a_changed_node_is_noticed(node, name):
    record(node)
    BREAKAGES[name](node / name)
    assert compare(node)["differences"] == [str(node / name)]


def test_what_runs_is_noticed(node):
    webui(node, "hash of the first")
    record(node)
    (node / "data/usage.db").write_text("a service writes its data")
    (node / "etc/inferfleet/__pycache__").mkdir()
    webui(node, "hash of the first")
    assert compare(node)["differences"] == []
    webui(node, "hash of another")
    assert compare(node)["differences"] == ["Open WebUI administrator"]
    assert dict(observation.kernel_parameters(str(node / "sysctl.conf"))) == {"sysctl kernel.ostype": "Linux"}


def test_a_file_that_was_rewritten_with_the_same_content_size_and_time_is_noticed(node):
    record(node)
    file = node / "etc/daemon.json"
    before = file.stat()
    file.write_text(file.read_text())
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert compare(node)["differences"] == [str(file)]


def test_only_a_run_that_leaves_the_state_of_its_beginning_is_recorded(node):
    converged.begin(str(node / "run"), INPUTS, options(node))
    (node / "etc/daemon.json").write_text("{}")
    assert not converged.finish(str(node / "run"), "run 1", "now")
    assert compare(node)["differences"] == ["record"]


def test_the_record_of_a_locked_node_is_not_used(node):
    record(node)
    (node / "run/lock.json").write_text("{}")
    assert compare(node)["differences"] == ["record"]


@pytest.mark.parametrize("content", ["", "[]", "{", '{"inputs": [], "observed": 1}', '{"inputs": {}, "observed": {}}'])
def test_a_broken_record_is_none(node, content):
    record(node)
    (node / "run" / converged.RECORD).write_text(content)
    assert compare(node)["differences"] == ["record"]


def test_what_cannot_be_read_equals_no_other_state():
    assert observation.unreadable("no answer") != observation.unreadable("no answer")


def test_counters_and_handles_are_no_rules():
    rule = {"rule": {"handle": 4, "expr": [{"counter": {"packets": 7, "bytes": 9}}, {"drop": None}]}}
    assert observation.without_counters([rule]) == [{"rule": {"expr": [{"counter": {}}, {"drop": None}]}}]


@pytest.mark.parametrize(
    ("outcome", "kept"),
    [("converged", ["converged.json"]), ("", []), ("failed", [])],
    ids=["no change", "changes", "failure"],
)
def test_the_end_of_a_run_decides_whether_its_state_is_recorded(node, run_module, outcome, kept):
    lock = {"run": RUN, "path": str(node / "run/lock.json")}
    narrow = {**options(node), "units": ["inferfleet-none.service"], "containers": "none-of-these-"}
    run_module("change_lock", **lock, inputs=INPUTS, options=narrow)
    assert "unreadable" not in (node / "run" / converged.PENDING).read_text()
    run_module("change_lock", **lock, state="absent", outcome=outcome)
    assert [path.name for path in (node / "run").iterdir()] == kept
    for name in kept:
        record = json.loads((node / "run" / name).read_text())
        assert (record["run"], record["since"], record["inputs"]) == ("b n 11 7", RUN["started"], INPUTS)
        assert (node / "run" / name).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "end", [{}, {"state": "absent", "outcome": "failed"}], ids=["another run", "failed verification"]
)
def test_a_run_that_may_change_the_node_removes_the_record(node, run_module, end):
    record(node)
    run_module("change_lock", run=RUN, path=str(node / "run/lock.json"), **end)
    assert not (node / "run" / converged.RECORD).exists()
