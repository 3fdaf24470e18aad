"""Life cycle of a deployed cluster; the tests run in this order and depend on each other."""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import httpx
import pytest
from lab_cluster import (
    API,
    MODEL,
    SECRETS,
    TOOLS,
    WEBUI,
    Controller,
    Lab,
    answers,
    eventually,
    secrets,
    trusted,
    webui_answers,
)

pytestmark = pytest.mark.lab
TIMEOUT = 420  # seconds: the start of an engine on two busy cores, with reserve


def ranks(lab: Lab, title: str) -> list[int]:
    """Return how many processes with this title each node has."""
    count = f"cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -c '^{title}' || true"
    return [int(lab.ssh(node, count)) for node in lab.names]


def healthy(lab: Lab, title: str = "ray::RayWorker") -> bool:
    """Return whether both nodes run a rank and the service answers."""
    try:
        return ranks(lab, title) == [1, 1] and answers()
    except subprocess.CalledProcessError:  # a node that is still starting
        return False


def test_next_run_converges(deployed: dict[str, Any]) -> None:
    document = deployed["document"]
    assert document["outcome"] == "ok"
    assert {stage["name"] for stage in document["stages"]} >= {"node_baseline", "ray_cluster", "inference_engine"}


def test_run_reports_verification_and_addresses(deployed: dict[str, Any]) -> None:
    result = deployed["document"]["result"]
    assert [item["name"]["message"] for item in result["verification"] if not item["ok"]] == []
    assert result["endpoints"][0]["url"] == f"{API}/v1"
    assert result["webui"]["url"] == WEBUI
    assert result["model"] == MODEL


def test_run_writes_junit(deployed: dict[str, Any]) -> None:
    cases = list(ET.parse(deployed["junit"]).getroot().iter("testcase"))
    assert len(cases) >= len(deployed["document"]["stages"])
    assert not [case for case in cases if case.find("failure") is not None]


def test_secrets_are_private(deployed: dict[str, Any]) -> None:
    clients = {f"api_clients/{name}" for name in ("default", "open-webui", "verify")}
    settings = {"engine_api_key", "ray_auth_token", "supervisor_token", "webui_secret_key", "webui_admin_password"}
    settings |= {"monitoring_admin_password"}
    assert {*secrets()} == {*settings, *clients, "gateway_ca.key", "gateway_server.key"}
    assert {oct(file.stat().st_mode & 0o777) for file in SECRETS.rglob("*") if file.is_file()} == {"0o600"}


@pytest.mark.thorough
def test_all_answers_are_correct(deployed: dict[str, Any], controller: Controller) -> None:
    argv = [sys.executable, "-m", "lab.tiny_r1.check", "--base-url", API]
    check = controller.run([*argv, "--api-key-file", SECRETS / "engine_api_key"])
    assert check.rc == 0, check


def test_unauthenticated_requests_are_rejected(deployed: dict[str, Any]) -> None:
    assert httpx.get(f"{API}/v1/models").status_code == 401
    assert not answers(key="not-the-key")
    assert httpx.get(f"{WEBUI}/api/models", verify=trusted()).status_code in {401, 403}


def test_both_nodes_run_a_rank(deployed: dict[str, Any], lab: Lab) -> None:
    assert ranks(lab, "ray::RayWorker") == [1, 1]


def test_containers_match_the_plan(deployed: dict[str, Any], lab: Lab, controller: Controller, tmp_path: Path) -> None:
    facts = tmp_path / "facts.json"
    checked = controller.inferfleet("check", "--facts", str(facts))
    assert checked.rc == 0, checked
    planned = controller.inferfleet("plan", "--facts", str(facts))
    assert planned.rc == 0, planned
    assert planned.document["nodes"] == checked.document["nodes"]
    for node, plan in planned.document["nodes"].items():
        expected = {"inferfleet-ray": plan["ray_argv"], "inferfleet-engine": plan["argv"]}
        for container, argv in expected.items():
            if not argv:
                assert container not in lab.containers(node)
                continue
            found = json.loads(lab.ssh(node, f"docker inspect {container}"))[0]["Config"]
            assert found["Entrypoint"] + (found["Cmd"] or []) == argv
            assert found["Image"] == planned.document["image"]
            environment = dict(line.split("=", 1) for line in found["Env"])
            assert plan["env"].items() <= environment.items()


def test_corruption_is_found_and_repaired_from_a_peer(
    deployed: dict[str, Any], lab: Lab, controller: Controller
) -> None:
    path = "/data/models/inferfleet/tiny-r1/model-00002-of-00005.safetensors"
    corrupt = f't=$(stat -c %y {path}); printf XXXX | dd of={path} bs=1 seek=5000 conv=notrunc; touch -d "$t" {path}'
    lab.ssh("node2", f"({corrupt}) 2>&1")
    assert controller.inferfleet("weights verify").rc == 0, "timestamps do not detect it"
    repaired = controller.inferfleet("weights verify", "--deep")
    assert repaired.rc == 0, repaired
    result = repaired.document["result"]
    nodes = {node["node"]: (node["wrong"], node["repaired"]) for node in result["weights_verification"]}
    assert nodes == {"node1": ([], False), "node2": (["model-00002-of-00005.safetensors"], True)}
    assert (result["weights"]["wan_bytes"], result["weights"]["times_model"]) == (0, 0.0)
    intact = lab.ssh("node1", f"sha256sum {path}")
    assert lab.ssh("node2", f"sha256sum {path}") == intact
    # The container mounts the same folder still: an engine that restarts now finds the repaired file.
    assert lab.ssh("node2", f"docker exec inferfleet-ray sha256sum {path}") == intact
    again = controller.inferfleet("weights verify", "--deep")
    assert (again.rc, again.document["changed_tasks"]) == (0, []), again


def test_only_interrupted_downloads_are_removed(deployed: dict[str, Any], lab: Lab, controller: Controller) -> None:
    left = "/data/models/someone/.half.inferfleet-staging"
    lab.ssh("node1", f"mkdir -p {left} && echo half >{left}/model.safetensors")
    removed = controller.inferfleet("weights remove", "--partial")
    assert removed.rc == 0, removed
    assert lab.ssh("node1", "cd /data/models && find . -mindepth 1 -maxdepth 2").split() == [
        "./inferfleet",
        "./inferfleet/tiny-r1",
    ]


def test_status_passes(deployed: dict[str, Any], controller: Controller) -> None:
    status = controller.inferfleet("status")
    assert status.rc == 0, status
    assert {"ray", "engine", "webui"} <= {item["name"]["code"] for item in status.document["result"]["verification"]}


def test_second_run_changes_nothing(deployed: dict[str, Any], controller: Controller) -> None:
    again = controller.inferfleet("up", "--assert-no-change")
    assert again.rc == 0, again


@pytest.mark.thorough
def test_printed_command_is_equivalent(deployed: dict[str, Any], controller: Controller) -> None:
    words = deployed["document"]["ansible_command"].split()
    assert words[0] == "ansible-playbook"
    check = controller.run([TOOLS / words[0], *words[1:], "--check", "--diff"])
    assert check.rc == 0, check
    assert set(re.findall(r"changed=(\d+)", check.text)) == {"0"}, check


def test_one_stage_on_one_node(deployed: dict[str, Any], controller: Controller) -> None:
    fabric = controller.inferfleet("up", "--tags", "nccl_fabric", "--limit", "node2")
    assert fabric.rc == 0, fabric
    assert list(next(s for s in fabric.document["stages"] if s["name"] == "nccl_fabric")["hosts"]) == ["node2"]


@pytest.mark.thorough
def test_worker_reboots(deployed: dict[str, Any], lab: Lab) -> None:
    lab.reboot("node2")
    eventually(lambda: healthy(lab), TIMEOUT, "the service answers after a reboot of node2")


def test_head_reboots(deployed: dict[str, Any], lab: Lab) -> None:
    lab.reboot("node1")
    eventually(lambda: healthy(lab), TIMEOUT, "the service answers after a reboot of node1")
    eventually(webui_answers, TIMEOUT, "Open WebUI answers after a reboot of node1")


@pytest.mark.thorough
def test_run_after_reboots_changes_nothing(deployed: dict[str, Any], controller: Controller) -> None:
    again = controller.inferfleet("up")
    assert again.rc == 0, again
    # Docker recreates /etc/hosts of a container node at every start.
    changed = {item["task"] for item in again.document["changed_tasks"]}
    assert changed <= {"Write the cluster nodes to /etc/hosts"}, again


@pytest.mark.thorough
def test_status_reports_a_stopped_component(deployed: dict[str, Any], lab: Lab, controller: Controller) -> None:
    lab.ssh("node1", "docker stop inferfleet-webui")
    status = controller.inferfleet("status")
    lab.ssh("node1", "docker start inferfleet-webui")
    assert status.rc == 2, status
    failed = [item["name"]["message"] for item in status.document["result"]["verification"] if not item["ok"]]
    assert failed == ["Open WebUI"]
    eventually(webui_answers, TIMEOUT, "Open WebUI answers after it was started again")


@pytest.mark.thorough
def test_other_executor(deployed: dict[str, Any], lab: Lab, controller: Controller) -> None:
    up = controller.inferfleet("up", "-e", "executor=mp")
    assert up.rc == 0, up
    assert healthy(lab, "VLLM::Worker")
    assert [lab.containers(node) for node in lab.names] == [
        ["inferfleet-engine", "inferfleet-webui"],
        ["inferfleet-engine"],
    ]


@pytest.mark.thorough
def test_up_repairs_and_returns_to_ray(deployed: dict[str, Any], lab: Lab, controller: Controller) -> None:
    lab.ssh("node1", "docker stop inferfleet-webui")
    up = controller.inferfleet("up")
    assert up.rc == 0, up
    assert healthy(lab)
    assert webui_answers()
