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


def observed(node: Path) -> dict[str, str]:
    """Return the observation without systemd and Docker of the machine that runs the test."""
    found = observation.observe(options(node))
    return {name: state for name, state in found.items() if name.startswith((str(node), "sysctl", "Open WebUI"))}


def begin(node: Path, inputs: dict[str, str] | None = None) -> dict[str, Any]:
    return converged.compare(str(node / "run"), inputs or INPUTS, options(node), observed(node))


def record(node: Path) -> None:
    """Record the state as two runs do: the first one finds no record."""
    assert begin(node)["differences"] == ["record"]
    assert converged.finish(str(node / "run"), observed(node), "run 1", "2026-11-28 18:00 UTC")
    assert begin(node) == {"differences": [], "since": "2026-11-28 18:00 UTC", "run": "run 1"}


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
def test_a_changed_node_is_noticed_once(node, name):
    record(node)
    BREAKAGES[name](node / name)
    assert begin(node)["differences"] == [str(node / name)]
    assert begin(node)["differences"] == ["record"]


def test_what_runs_is_noticed(node):
    webui(node, "hash of the first")
    record(node)
    (node / "data/usage.db").write_text("a service writes its data")
    (node / "etc/inferfleet/__pycache__").mkdir()
    webui(node, "hash of the first")
    assert begin(node)["differences"] == []
    webui(node, "hash of another")
    assert begin(node)["differences"] == ["Open WebUI administrator"]
    assert dict(observation.kernel_parameters(str(node / "sysctl.conf"))) == {"sysctl kernel.ostype": "Linux"}


def test_a_file_that_was_rewritten_with_the_same_content_size_and_time_is_noticed(node):
    record(node)
    file = node / "etc/daemon.json"
    before = file.stat()
    file.write_text(file.read_text())
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert begin(node)["differences"] == [str(file)]


def test_only_a_run_that_leaves_the_state_of_its_beginning_is_recorded(node):
    begin(node)
    (node / "etc/daemon.json").write_text("{}")
    assert not converged.finish(str(node / "run"), observed(node), "run 1", "now")
    assert begin(node)["differences"] == ["record"]


def test_what_a_run_reads_is_named_before_the_node(node):
    record(node)
    (node / "etc/daemon.json").unlink()
    found = begin(node, {"code": "1", "secrets": "3", "plan": ""})["differences"]
    assert found == ["inputs: plan", "inputs: secrets", str(node / "etc/daemon.json")]


@pytest.mark.parametrize("content", ["", "[]", "{", '{"inputs": [], "observed": 1}', '{"inputs": {}, "observed": {}}'])
def test_a_broken_record_is_none(node, content):
    record(node)
    (node / "run" / converged.RECORD).write_text(content)
    assert begin(node)["differences"] == ["record"]


def test_what_cannot_be_read_equals_no_other_state():
    assert observation.unreadable("no answer") != observation.unreadable("no answer")


def test_counters_and_handles_are_no_rules():
    rule = {"rule": {"handle": 4, "expr": [{"counter": {"packets": 7, "bytes": 9}}, {"drop": None}]}}
    assert observation.without_counters([rule]) == [{"rule": {"expr": [{"counter": {}}, {"drop": None}]}}]


@pytest.fixture
def locked(node, run_module):
    """Return a function that locks and unlocks a node in real processes."""

    def call(**arguments: Any) -> dict[str, Any]:
        path = str(node / "run/lock.json")
        return run_module("change_lock", run=RUN, path=path, **arguments).get("record", {})

    return call


def test_the_lock_keeps_the_record_of_runs_that_change_nothing_only(node, locked):
    narrow = {**options(node), "units": ["inferfleet-none.service"], "containers": "none-of-these-"}
    folder = node / "run"
    arguments = {"inputs": INPUTS, "options": narrow}
    found = locked(**arguments)
    begun = json.loads((folder / converged.PENDING).read_text())["observed"]
    assert not [state for state in begun.values() if "unreadable" in state]
    assert found["differences"] == ["record"]
    locked(state="absent", outcome="converged")
    assert not (folder / converged.PENDING).exists()
    assert json.loads((folder / converged.RECORD).read_text())["run"] == "b n 11 7"
    assert (folder / converged.RECORD).stat().st_mode & 0o777 == 0o600
    assert locked(**arguments)["since"] == RUN["started"]
    locked(state="absent")  # of a run that skipped its plays
    assert locked(**arguments)["differences"] == []
    locked(state="absent", outcome="failed")
    assert locked(**arguments)["differences"] == ["record"]
    locked(state="absent", outcome="converged")
    locked()  # a run of another kind
    assert list(folder.glob("converg*")) == []
