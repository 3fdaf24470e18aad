"""The record of a run that changed nothing: what a node notices, and which runs remove or write it."""

import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any, ClassVar

import pytest
from ansible.module_utils import converged, observation

RUN = {"boot_id": "b", "pid_namespace": "n", "pid": 11, "pid_started": 7, "started": "2026-11-28 18:00 UTC"}
CONTAINERS = observation.containers
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
    assert converged.finish(str(node / "run"), "run 1", "2026-11-28 18:00 UTC") == []
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


class Docker(BaseHTTPRequestHandler):
    """Answers like Docker's API, with what `state` contains by path."""

    state: ClassVar[dict[str, Any]] = {}

    def do_GET(self) -> None:
        found = self.state.get(self.path)
        content = json.dumps(found or {"message": "no such thing"}).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *arguments: Any) -> None:
        """Print nothing."""


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Return the state of a Docker daemon with the engine's container and image."""

    class Server(ThreadingMixIn, UnixStreamServer):
        daemon_threads = True

    monkeypatch.setattr(observation, "DOCKER", str(tmp_path / "docker.sock"))
    mounts = [{"Destination": name, "Source": f"/data{name}"} for name in ("/b", "/a")]
    state = {"Status": "running", "Paused": False, "Pid": 7}
    engine = {"Id": "1", "Image": "sha256:1", "Config": {"Env": ["A=1"]}, "HostConfig": {}, "State": state}
    Docker.state = {
        "/containers/json?all=1": [{"Names": ["/inferfleet-engine"]}, {"Names": ["/of-the-site"]}],
        "/containers/inferfleet-engine/json": {**engine, "Mounts": mounts},
        "/images/vllm%3A1/json": {"Id": "sha256:1", "RepoDigests": []},
        "/distribution/vllm%3A1/json": {"Descriptor": {"digest": "sha256:2"}},
    }
    with Server(observation.DOCKER, Docker) as server:
        threading.Thread(target=server.serve_forever).start()
        yield Docker.state
        server.shutdown()


def test_containers_images_and_the_registry_are_observed(docker):
    def observed() -> dict[str, str]:
        return dict(CONTAINERS("inferfleet-", ["vllm:1"], ["vllm:1"]))

    first, engine = observed(), docker["/containers/inferfleet-engine/json"]
    assert list(first) == ["container inferfleet-engine", "image vllm:1", "registry vllm:1"]
    assert first["registry vllm:1"] == "sha256:2"
    docker["/containers/inferfleet-engine/json"] = {
        **engine,
        "Mounts": engine["Mounts"][::-1],
        "State": {**engine["State"], "Pid": 8},
        "RestartCount": 1,
    }
    assert observed() == first
    changes = ({"State": {"Status": "exited", "Paused": False}}, {"Id": "2"}, {"HostConfig": {"RestartPolicy": "no"}})
    for change in changes:
        docker["/containers/inferfleet-engine/json"] = {**engine, **change}
        assert [name for name, state in observed().items() if state != first[name]] == ["container inferfleet-engine"]
    del docker["/images/vllm%3A1/json"], docker["/distribution/vllm%3A1/json"]
    assert observed()["image vllm:1"] == "HTTP 404"
    assert observed()["registry vllm:1"] != observed()["registry vllm:1"]
    docker["/containers/json?all=1"] = [{"Names": ["/of-the-site"]}]
    assert "container inferfleet-engine" not in observed()


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
    assert converged.finish(str(node / "run"), "run 1", "now") == [str(node / "etc/daemon.json")]
    named = {"since": "", "run": "", "inputs": {}, "differences": [str(node / "etc/daemon.json")]}
    assert compare(node) == named  # the next run names it
    converged.begin(str(node / "run"), INPUTS, options(node))
    assert compare(node)["differences"] == ["record"]


def test_what_could_not_be_read_is_named_with_its_reason(node, docker, monkeypatch):
    monkeypatch.setattr(observation, "containers", CONTAINERS)
    del docker["/distribution/vllm%3A1/json"]
    converged.begin(str(node / "run"), INPUTS, {**options(node), "registry": ["vllm:1"]})
    assert converged.finish(str(node / "run"), "run 1", "now") == ["registry vllm:1 (HTTP 404)"]


def test_the_end_of_a_run_returns_why_it_is_not_recorded(node, run_module):
    lock = {"run": RUN, "path": str(node / "run/lock.json")}
    narrow = {**options(node), "units": ["inferfleet-none.service"], "containers": "none-of-these-"}
    run_module("change_lock", **lock, inputs=INPUTS, options=narrow)
    (node / "status").write_text("Package: haproxy\n")
    ended = run_module("change_lock", **lock, state="absent", outcome="converged")
    assert ended["unrecorded"] == [str(node / "status")]


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
