"""`inferfleet drain` with its playbook, in front of a running HAProxy with two replicas."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture
def drain(gateway, tmp_path):
    """Return the command, run for the running HAProxy."""
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    groups = {
        "ray_head": {"hosts": {"n1": {"ansible_host": "10.0.0.1"}}},
        "gateway": {"hosts": {"gw1": {**local, "ansible_host": "127.0.0.1"}}},
    }
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": groups}}))
    variables = {
        "__gateway_component": {"files": {"folder": str(gateway.folder)}},
        "__gateway_master_socket": str(gateway.master),
    }

    def call(*arguments: str) -> tuple[int, dict[str, Any]]:
        command = [sys.executable, "-m", "inferfleet", "drain", *arguments, "-i", tmp_path, "--json"]
        done = subprocess.run([*command, "-e", json.dumps(variables)], capture_output=True, text=True, cwd=ROOT)
        return done.returncode, json.loads(done.stdout)

    return call


def servers(gateway) -> set[str]:
    """Return the engines that answer."""
    return {gateway.chat("deepseek/r1").json()["server"] for _ in range(6)}


def states(document: dict[str, Any]) -> dict[str, tuple[bool, int]]:
    """Return whether each replica is drained, and its requests."""
    (replicas,) = document["result"]["replicas"].values()
    return {replica["replica"].partition("_")[0]: (replica["drained"], replica["requests"]) for replica in replicas}


def test_replica_is_drained_and_stays_so_after_a_reload(gateway, drain):
    with gateway.streaming("sk-alice", "deepseek/r1") as first, gateway.streaming("sk-alice", "deepseek/r1") as second:
        gateway.reload_and_wait()  # the streams, one on each replica, keep the previous process
        code, document = drain("n1", "--timeout", "1")
        assert (code, states(document)["n1"]) == (2, (True, 1))
        assert "still has 1 requests after 1 s" in document["failures"][0]["message"]
        assert servers(gateway) == {"n2"}
        assert next(first).startswith("data: ")
        assert next(second).startswith("data: ")
    code, document = drain("n1")
    assert code == 0, document["failures"]
    assert states(document)["n1"] == (True, 0)

    gateway.reload_and_wait()
    assert servers(gateway) == {"n2"}

    code, document = drain("n1", "--undo")
    assert (code, states(document)["n1"][0]) == (0, False)
    assert servers(gateway) == {"n1", "n2"}
    assert len(Path(gateway.paths.of("state")).read_text().splitlines()) == 2  # version and header
    check = subprocess.run(["haproxy", "-c", "-f", gateway.config], capture_output=True, text=True)
    assert (check.returncode, check.stderr) == (0, "")


@pytest.mark.parametrize("dead", [True, False])
def test_removal_waits_for_the_requests_of_a_node_that_answers(gateway, drain, tmp_path, dead):
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    (tmp_path / "removal.yml").write_text(yaml.safe_dump({"all": {"hosts": {"n1": local, "gw1": local}}}))
    variables = {
        "__gateway_component": {"files": {"folder": str(gateway.folder)}},
        "__gateway_master_socket": str(gateway.master),
        "gateway_releases_dir": str(tmp_path / ".releases"),
        "gateway_drain_seconds": 2,
        "gateway_rolled_hosts": ["gw1"],
        "gateway_dead_node": dead,
    }
    role = {"name": "gateway", "tasks_from": "drain_for_removal", "rolespec_validate": False}
    tasks = [{"ansible.builtin.include_role": role}]
    play = {"hosts": "n1", "gather_facts": False, "tasks": tasks}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    command = [
        Path(sys.executable).with_name("ansible-playbook"),
        "-i",
        tmp_path / "removal.yml",
        tmp_path / "play.yml",
    ]
    command += ["-e", json.dumps(variables)]
    with gateway.streaming("sk-alice", "deepseek/r1"), gateway.streaming("sk-alice", "deepseek/r1"):
        gateway.engines["n1"].healthy = False
        try:
            gateway.until(lambda: "DOWN" in gateway.admin("show stat"))
            done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        finally:
            gateway.engines["n1"].healthy = True
    output = " ".join(done.stdout.split())
    assert done.returncode == (0 if dead else 2), output
    assert ("requests-running" in output) is not dead, output
    (tmp_path / "removal.yml").unlink()
    (tmp_path / "play.yml").unlink()
    assert drain("n1", "--undo")[0] == 0
    gateway.until(lambda: servers(gateway) == {"n1", "n2"})


def test_check_run_drains_nothing(gateway, drain):
    code, document = drain("n1", "--check")
    assert code == 0
    assert [task["task"] for task in document["changed_tasks"]] == ["Set the state of the replica at the gateway"]
    assert servers(gateway) == {"n1", "n2"}


def test_last_replica_of_a_model_is_drained_with_a_warning(gateway, drain):
    code, document = drain("n3")
    assert (code, [warning["code"] for warning in document["warnings"]]) == (0, ["last-replica"])
    assert gateway.chat("small").status_code == 503
    assert drain("n3", "--undo")[0] == 0
    assert gateway.chat("small").status_code == 200


def test_unknown_replica_is_refused(drain):
    code, document = drain("n9")
    assert (code, [problem["code"] for problem in document["problems"]]) == (1, ["unknown-replica"])


@pytest.mark.parametrize("arguments", [(), ("n1", "--list"), ("--undo", "--list")])
def test_command_needs_a_replica_or_list(drain, arguments):
    code, document = drain(*arguments)
    assert (code, [problem["code"] for problem in document["problems"]]) == (1, ["no-replica"])
