"""A replica of two members on this machine: two supervisors on loopback, containers of the real Docker daemon.

The containers come from an empty image with this machine's /usr, so nothing is downloaded.
"""

import io
import json
import os
import secrets
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PACKAGES = Path(__file__).parents[2] / "roles/supervisor/files"
ENGINE = Path(__file__).with_name("stand_in_engine.py")
ADDRESSES = {"n1": "127.0.0.1", "n2": "127.0.0.2"}
USR = [part for folder in ("/usr", "/lib", "/lib64") for part in ("-v", f"{folder}:{folder}:ro")]


def docker(*arguments: str, text: bytes = b"") -> str:
    done = subprocess.run(["docker", *arguments], input=text, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Replica:
    """The supervisors of two nodes, their containers, and what one does to them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.prefix = f"supervisor-test-{secrets.token_hex(3)}"
        self.image = f"{self.prefix}:latest"
        self.ray = {node: f"{self.prefix}-ray-{node}" for node in ADDRESSES}
        self.engine = f"{self.prefix}-engine"
        self.port, self.engine_port, self.ray_port = free_port(), free_port(), free_port()
        self.fault_file = folder / "fault"
        self.token = folder / "token"
        self.name, self.boot = "m-n1", ""
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def create(self) -> None:
        empty = io.BytesIO()
        tarfile.open(fileobj=empty, mode="w").close()
        docker("import", "-", self.image, text=empty.getvalue())
        self.fault_file.write_text("")
        self.token.write_text("secret\n")
        for node in ADDRESSES:
            self.run(self.ray[node], "rank", *([str(self.ray_port)] if node == "n1" else []))
            self.write_settings(node)
        self.run_engine()

    def run(self, name: str, *arguments: str) -> None:
        """Start a container of the stand-in."""
        script = ["-v", f"{ENGINE}:/engine.py:ro", "-v", f"{self.folder}:/test:ro", "--network", "host"]
        docker(
            "run", "-d", "--name", name, *USR, *script, self.image, "/usr/bin/python3", "-u", "/engine.py", *arguments
        )

    def run_engine(self) -> None:
        self.run(self.engine, str(self.engine_port), "/test/fault", "1")

    def write_settings(self, node: str) -> None:
        head = [[{"container": self.ray[node], "port": self.ray_port}], [{"container": self.engine}]]
        stages = head if node == "n1" else [[], [{"container": self.ray[node]}]]
        probe = {
            "port": self.engine_port,
            "path": "/v1/chat/completions",
            "model": "m",
            "metrics": {"progress": ["vllm:generation_tokens_total"], "running": "vllm:num_requests_running"},
        }
        replica: dict[str, Any] = {
            "name": self.name,
            "leader": "n1",
            "members": [{"node": name, "address": address} for name, address in ADDRESSES.items()],
            "stages": stages,
            "ranks": {"pattern": ".*engine.py rank", "count": 1},
            "seconds": {"hang": 4, "idle": 2, "load": 60, "join": 30, "stop": 2},
        }
        if node == "n1":
            replica["probe"] = probe
        data = {"node": node, "address": ADDRESSES[node], "port": self.port, "token_file": str(self.token)}
        (self.folder / f"{node}.json").write_text(json.dumps({**data, "boot": self.boot, "replica": replica}))

    def command(self, node: str, *arguments: str) -> list[str]:
        paths = {"--settings": f"{node}.json", "--folder": f"{node}", "--socket": f"{node}.sock"}
        options = [part for name, path in paths.items() for part in (name, str(self.folder / path))]
        return [sys.executable, "-m", "inferfleet_supervisor", *options, *arguments]

    def start(self, node: str) -> None:
        """Start the supervisor of a node."""
        log = (self.folder / f"{node}.log").open("ab")
        environment = {**os.environ, "PYTHONPATH": str(PACKAGES)}
        self.processes[node] = subprocess.Popen(self.command(node, "run"), env=environment, stdout=log, stderr=log)

    def kill(self, node: str) -> None:
        """Kill the supervisor of a node."""
        self.processes[node].kill()
        self.processes.pop(node).wait()

    def change(self, **settings: str) -> None:
        """Kill the supervisors of all nodes and start them with other settings: `name` of the replica, `boot`."""
        self.name, self.boot = settings.get("name", self.name), settings.get("boot", self.boot)
        for node in list(self.processes):
            self.kill(node)
        for node in ADDRESSES:
            self.write_settings(node)
            self.start(node)

    def supervisor(self, node: str, *arguments: str) -> str:
        """Return what a command of the supervisor prints; empty if it does not answer."""
        environment = {**os.environ, "PYTHONPATH": str(PACKAGES)}
        return subprocess.run(
            self.command(node, *arguments), env=environment, capture_output=True, text=True, check=False
        ).stdout

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.supervisor("n1", "status", "--json") or "{}"))

    def wait(self, condition: Callable[[dict[str, Any]], bool], seconds: float = 90) -> dict[str, Any]:
        """Return the status once a condition is met."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status = self.status()
            if status and condition(status):
                return status
            time.sleep(0.5)
        raise AssertionError(f"{status}\n{(self.folder / 'n1.log').read_text()[-4000:]}")

    def serving(self, after: int = 0, seconds: float = 90) -> dict[str, Any]:
        """Return the status once the replica serves in a later generation."""
        return self.wait(lambda status: status["state"] == "serving" and status["generation"] > after, seconds)

    def started(self) -> dict[str, str]:
        """Return when each container was started."""
        names = [*self.ray.values(), self.engine]
        return {name: docker("inspect", "-f", "{{.State.StartedAt}} {{.State.Running}}", name) for name in names}

    def remove(self) -> None:
        for node in list(self.processes):
            self.kill(node)
        subprocess.run(["docker", "rm", "-f", *self.ray.values(), self.engine], capture_output=True, check=False)
        subprocess.run(["docker", "rmi", self.image], capture_output=True, check=False)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    replica = Replica(tmp_path_factory.mktemp("replica"))
    try:
        replica.create()
        for node in ADDRESSES:
            replica.start(node)
        yield replica
    finally:
        replica.remove()


@pytest.fixture
def replica(shared: Replica) -> Replica:
    """A replica that serves, with an unused restart budget."""
    shared.supervisor("n1", "start")
    shared.serving()
    return shared
