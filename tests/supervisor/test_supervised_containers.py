"""Two supervisors with containers of the real Docker daemon: faults are healed as a group, stops respected."""

import json
import os
import signal
import time
import urllib.request
from datetime import datetime

import pytest
from tests.supervisor.conftest import Replica, docker


def pid_of(name: str) -> int:
    return int(docker("inspect", "-f", "{{.State.Pid}}", name))


def health(replica: Replica) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{replica.port}/v1/health", timeout=5) as answer:
        return str(json.load(answer)["state"])


def test_running_containers_are_adopted(replica: Replica) -> None:
    status = replica.status()
    assert (status["generation"], status["restarts"], status["reason"]["code"]) == (1, 0, "deployed")
    assert {member["node"] for member in status["members"]} == {"n1", "n2"}
    assert health(replica) == "up"


@pytest.mark.parametrize("which", ["ray-n1", "ray-n2", "engine"])
def test_killed_container_restarts_the_group(replica: Replica, which: str) -> None:
    before, started = replica.status(), replica.started()
    docker("kill", f"{replica.prefix}-{which}")
    status = replica.serving(before["generation"])
    assert status["reason"]["code"] == "container-exited"
    assert status["reason"]["parameters"]["container"] == f"{replica.prefix}-{which}"
    assert (status["restarts"], status["generation"]) == (before["restarts"] + 1, before["generation"] + 1)
    assert all(started[name] != now for name, now in replica.started().items())


def test_other_nodes_and_the_engine_start_when_the_head_node_listens(replica: Replica) -> None:
    before = replica.status()["generation"]
    docker("kill", replica.ray["n2"])
    replica.serving(before)
    listening = float(docker("logs", replica.ray["n1"]).splitlines()[-1])
    for name in (replica.ray["n2"], replica.engine):
        started = docker("inspect", "-f", "{{.State.StartedAt}}", name)
        assert datetime.fromisoformat(f"{started[:26].rstrip('Z')}+00:00").timestamp() > listening


@pytest.mark.parametrize(("fault", "code"), [("hang", "hang"), ("fail", "completions-fail")])
def test_engine_without_completions_restarts_the_group(replica: Replica, fault: str, code: str) -> None:
    before = replica.status()
    replica.fault_file.write_text(fault)
    began = time.monotonic()
    try:
        status = replica.wait(lambda status: status["generation"] > before["generation"])
    finally:
        replica.fault_file.write_text("")
    assert status["reason"]["code"] == code
    assert time.monotonic() - began < 30
    assert replica.serving(before["generation"])["restarts"] == before["restarts"] + 1


def test_stopped_process_is_a_hang(replica: Replica) -> None:
    before = replica.status()
    os.kill(pid_of(replica.engine), signal.SIGSTOP)
    assert replica.serving(before["generation"])["reason"]["code"] == "hang"


def test_busy_engine_is_not_restarted(replica: Replica) -> None:
    before = replica.status()
    replica.fault_file.write_text("busy")
    try:
        time.sleep(12)
        assert replica.status()["generation"] == before["generation"]
    finally:
        replica.fault_file.write_text("")


def test_docker_stop_is_respected_until_the_start(replica: Replica) -> None:
    before = replica.status()
    docker("stop", "-t", "1", replica.ray["n2"])
    status = replica.wait(lambda status: status["state"] == "stopped")
    assert (status["desired"], status["reason"]["code"]) == ("stopped", "container-stopped")
    assert health(replica) == "down"
    assert all(state.endswith("false") for state in replica.started().values())
    replica.supervisor("n2", "start")
    assert replica.serving(before["generation"])["restarts"] == before["restarts"]


def test_docker_restart_is_no_stop(replica: Replica) -> None:
    before = replica.status()
    docker("restart", "-t", "1", replica.engine)
    assert replica.serving(before["generation"])["reason"]["code"] == "container-restarted"


def test_commands_of_a_member(replica: Replica) -> None:
    before = replica.status()
    replica.supervisor("n2", "stop")
    replica.wait(lambda status: status["state"] == "stopped")
    replica.supervisor("n2", "start")
    status = replica.serving(before["generation"])
    replica.supervisor("n2", "restart")
    assert replica.serving(status["generation"])["reason"]["code"] == "operator"


@pytest.mark.parametrize("node", ["n1", "n2"])
def test_restarted_supervisor_adopts(replica: Replica, node: str) -> None:
    before, started = replica.status(), replica.started()
    replica.kill(node)
    time.sleep(2)
    replica.start(node)
    replica.serving()
    time.sleep(5)
    after = replica.status()
    assert (after["generation"], after["restarts"]) == (before["generation"], before["restarts"])
    assert replica.started() == started


def test_container_stopped_without_a_supervisor_stays_stopped(replica: Replica) -> None:
    replica.kill("n2")
    docker("stop", "-t", "1", replica.ray["n2"])
    replica.start("n2")
    replica.wait(lambda status: status["state"] == "stopped")


def test_lost_member_is_waited_for(replica: Replica) -> None:
    before = replica.status()
    replica.kill("n2")
    replica.wait(lambda status: any(member["state"] == "lost" for member in status["members"]))
    assert replica.status()["state"] == "serving"
    docker("kill", replica.engine)
    status = replica.wait(lambda status: status["state"] == "waiting")
    assert status["reason"] == {"code": "member-lost", "parameters": {"node": "n2"}}
    ran = docker("inspect", "-f", "{{.State.StartedAt}}", replica.ray["n2"])
    replica.start("n2")
    replica.serving(before["generation"])
    assert docker("inspect", "-f", "{{.State.StartedAt}}", replica.ray["n2"]) != ran


def test_held_replica_is_observed_only(replica: Replica) -> None:
    before = replica.status()
    replica.supervisor("n1", "hold", "--seconds", "120", "--reason", "test")
    docker("kill", replica.engine)
    time.sleep(6)
    status = replica.status()
    assert (status["held"]["reason"], status["generation"]) == ("test", before["generation"])
    docker("rm", replica.engine)
    replica.run_engine()
    replica.supervisor("n1", "release")
    status = replica.serving(before["generation"])
    assert (status["reason"]["code"], status["restarts"]) == ("deployed", before["restarts"])


def test_recreated_container_is_adopted(replica: Replica) -> None:
    before = replica.status()
    docker("rm", "-f", replica.engine)
    replica.run_engine()
    status = replica.serving(before["generation"])
    assert (status["reason"]["code"], status["restarts"]) == ("deployed", before["restarts"])


def test_paused_supervisors_restart_nothing(replica: Replica) -> None:
    before = replica.status()
    for process in replica.processes.values():
        process.send_signal(signal.SIGSTOP)
    time.sleep(20)
    for process in replica.processes.values():
        process.send_signal(signal.SIGCONT)
    time.sleep(8)
    assert replica.serving()["generation"] == before["generation"]


def test_journal_and_removed_token(replica: Replica) -> None:
    before = replica.status()
    replica.token.rename(replica.token.with_suffix(".gone"))
    try:
        time.sleep(3)
        assert replica.status()["generation"] == before["generation"]
    finally:
        replica.token.with_suffix(".gone").rename(replica.token)
    events = [json.loads(line) for line in replica.supervisor("n1", "events", "--json").splitlines()]
    assert {"adopted", "restart", "state-changed", "held", "released", "stopped", "started"} <= {
        event["event"] for event in events
    }
    assert all({"time", "node", "replica", "generation", "event", "parameters"} <= set(event) for event in events)
