"""What the gateway learns of a replica while its supervisors restart, of the real daemons and completion check."""

import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.supervisor.conftest import ADDRESSES, Replica, docker, free_port

CHECK = Path(__file__).parents[2] / "roles/gateway/files/completion_check.py"
INTERVAL = 0.05


def read(port: int, path: str) -> dict[str, str]:
    """Return what is answered at a port; nothing if there is no answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return dict(json.load(answer))
    except OSError:
        return {}


class Watch:
    """Records, until the `with` block ends, what the leader's supervisor and the completion check report."""

    def __init__(self, supervisor: int, check: int) -> None:
        self.reported: list[str] = []
        self.checked: list[str] = []
        self._ports = supervisor, check
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        supervisor, check = self._ports
        while not self._stop.wait(INTERVAL):
            self.reported += filter(None, [read(supervisor, "/v1/health").get("state")])
            self.checked += [state.partition(" ")[0] for state in read(check, "/").values()]


@pytest.fixture
def watch(replica: Replica) -> Iterator[Callable[[], Watch]]:
    """A watch over a replica that serves, with the gateway's completion check."""
    port = free_port()
    given = {"name": "m/r", "address": "127.0.0.1", "port": replica.engine_port, "supervisor_port": replica.port}
    request = {"path": "/v1/chat/completions", "model": "m", "authorization": ""}
    settings = {"port": port, "socket": "/nonexistent", "interval": 1, "timeout": 5, "replicas": [{**given, **request}]}
    file = replica.folder / "completions.json"
    file.write_text(json.dumps(settings))
    with subprocess.Popen([sys.executable, str(CHECK), str(file)]) as process:
        try:
            deadline = time.monotonic() + 30
            while read(port, "/") != {"m/r": "up"} and time.monotonic() < deadline:
                time.sleep(INTERVAL)
            yield lambda: Watch(replica.port, port)
        finally:
            process.terminate()


def restart(replica: Replica) -> None:
    replica.kill("n1")
    replica.start("n1")


def change_name(replica: Replica) -> None:
    replica.change(name=f"{replica.name}-again")


def lose_state(replica: Replica) -> None:
    replica.kill("n1")
    (replica.folder / "n1" / "state.json").write_text("damaged")
    replica.start("n1")


@pytest.mark.parametrize("change", [restart, change_name, lose_state])
def test_restarted_supervisor_takes_over_without_an_outage(
    replica: Replica, watch: Callable[[], Watch], change: Callable[[Replica], None]
) -> None:
    started = replica.started()
    with watch() as seen:
        change(replica)
        replica.serving()
        time.sleep(2)
    assert set(seen.reported) <= {"up", "unknown"}
    assert seen.reported[-1] == "up"
    assert set(seen.checked) == {"up"}
    assert replica.started() == started


@pytest.mark.parametrize("change", [restart, change_name])
def test_supervisor_that_restarts_while_the_engine_loads_does_not_report_it_up(
    replica: Replica, watch: Callable[[], Watch], change: Callable[[Replica], None]
) -> None:
    before = replica.status()["generation"]
    replica.fault_file.write_text("fail")
    try:
        replica.supervisor("n1", "restart")
        replica.wait(lambda status: status["generation"] > before and status["state"] == "loading")
        with watch() as seen:
            change(replica)
            replica.wait(lambda status: status["state"] == "loading")
            time.sleep(4)
    finally:
        replica.fault_file.write_text("")
    assert set(seen.reported) <= {"down", "unknown"}
    assert seen.checked[-1] == "down"
    replica.serving()


def test_container_that_ends_during_the_takeover_is_reported_at_once(
    replica: Replica, watch: Callable[[], Watch]
) -> None:
    before = replica.status()["generation"]
    with watch() as seen:
        change_name(replica)
        docker("kill", replica.ray["n2"])
        replica.serving(before)
        time.sleep(2)
    assert "down" in seen.reported
    after = seen.reported[seen.reported.index("down") :]
    assert set(after) == {"down", "up"}
    assert after == sorted(after)  # no longer down, once it serves


def test_replica_is_down_after_a_reboot_until_it_serves(replica: Replica, watch: Callable[[], Watch]) -> None:
    before = replica.status()["generation"]
    for node in ADDRESSES:
        replica.kill(node)
    docker("kill", replica.engine, *replica.ray.values())
    with watch() as seen:
        replica.change(boot="another")
        replica.serving(before)
        time.sleep(2)
    assert set(seen.reported) == {"down", "up"}
    assert seen.reported == sorted(seen.reported)
