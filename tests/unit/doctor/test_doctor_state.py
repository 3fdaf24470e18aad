"""Findings from node state and responses of the service."""

import json
from typing import Any

import pytest
from state import STARTED, changed, evidence, healthy

from inferfleet.doctor import Evidence, Hider, Trace, diagnose, load_symptoms
from inferfleet.doctor.evidence import unix_time
from inferfleet.messages import Message

STARTED_AT = unix_time(STARTED) or 0.0
GONE = {"status": 0, "text": "Connection refused", "seconds": 0.0}
STOPPED = {"name": "x", "status": "exited", "running": False, "exit_code": 137, "finished_at": "2026-11-23T06:00:00Z"}
DEAD = {"enabled": True, "active": False, "state": "failed"}
NFS = {"type": "nfs4", "source": "nas01:/models", "total_bytes": 1 << 44, "free_bytes": 1 << 43}
STALLED = {
    "running": True,
    "done": 40_000_000_000,
    "total": 688_000_000_000,
    "idle_seconds": 95,
    "events": ["hub: stalled"],
}
SHM_FULL = {"type": "tmpfs", "source": "shm", "total_bytes": 1 << 40, "free_bytes": 0}
SHM = {"type": "tmpfs", "source": "shm", "total_bytes": 64 << 20, "free_bytes": 60 << 20}


def found(given: Evidence) -> dict[str, str]:
    """Return id -> node of what is there now."""
    return {finding.symptom.id: finding.node for finding in diagnose(given, load_symptoms()).findings if finding.now}


def test_healthy_cluster_has_no_findings() -> None:
    assert found(evidence(healthy())) == {}


@pytest.mark.parametrize(
    ("path", "value", "symptom", "node"),
    [
        ("unreachable", {"n2": "Connection timed out"}, "node-unreachable", ""),
        ("nodes n2 docker", {}, "docker-down", "n2"),
        ("nodes n2 containers inferfleet-ray oom_killed", True, "out-of-memory", "n2"),
        ("nodes n1 mounts /data/models free_bytes", 1 << 20, "disk-full", "n1"),
        ("nodes n1 mounts /data/models", NFS, "slow-network-file-system", "n1"),
        ("nodes n2 shm", SHM, "shm-too-small", "n2"),
        ("nodes n2 shm", SHM_FULL, "shm-exhausted", "n2"),
        ("nodes n1 containers inferfleet-engine ipc_mode", "private", "shm-too-small", "n1"),
        ("nodes n2 download", STALLED, "download-stalled", "n2"),
        (
            "nodes n1 gpus inferfleet-ray output",
            "Failed to initialize NVML: Unknown Error",
            "gpus-lost-in-container",
            "n1",
        ),
        ("nodes n2 containers inferfleet-ray", STOPPED, "ray-node-missing", "n2"),
        ("nodes n1 containers inferfleet-engine", STOPPED, "engine-not-running", "n1"),
        ("nodes n1 supervisor desired", "stopped", "replica-stopped", "n1"),
        ("nodes n1 supervisor exhausted", True, "replica-restart-budget", "n1"),
        ("nodes n1 listening 8000", "nginx", "port-in-use", ""),
        ("answers n1 completion", GONE | {"text": "timed out"}, "engine-unresponsive", ""),
        ("answers n1 models status", 401, "wrong-api-key", ""),
        ("webui apis 0 status", 401, "wrong-api-key", ""),
        ("answers n1 unauthenticated status", 200, "api-without-authentication", ""),
        ("webui models", [], "webui-no-models", ""),
        ("webui models", ["another"], "webui-no-models", ""),
        ("webui apis 0 status", 0, "webui-no-models", ""),
        ("webui health", GONE, "webui-not-answering", ""),
        ("nodes n1 units inferfleet-gateway.service", DEAD, "gateway-stopped", "n1"),
        ("nodes n1 units inferfleet-completion-check.service", DEAD, "completion-check-stopped", "n1"),
        ("nodes n1 units inferfleet-virtual-address.service", DEAD, "virtual-address-stopped", "n1"),
        ("webui signin", 400, "webui-sign-in-refused", ""),
    ],
)
def test_single_fault_is_found(path: str, value: Any, symptom: str, node: str) -> None:
    assert found(evidence(changed(path, value))) == {symptom: node}


def test_every_condition_of_the_catalog_is_covered() -> None:
    cases = {mark.args[1][n][2] for mark in test_single_fault_is_found.pytestmark for n in range(len(mark.args[1]))}
    elsewhere = {"partial-restart", "container-restart-loop", "replica-waiting"}
    assert cases | elsewhere == {symptom.id for symptom in load_symptoms() if symptom.state}


def test_state_evidence_is_a_sentence_with_values() -> None:
    (finding,) = diagnose(evidence(changed("nodes n2 download", STALLED)), load_symptoms()).findings
    text = "40.0 of 688.0 GB are downloaded; no data received for 95 s. Last event: hub: stalled"
    assert str(finding.traces[0].text) == text
    form = json.loads(json.dumps(finding.traces[0].as_dict()))
    assert (form["where"], form["text"]) == ("state", text)
    revived = Trace.from_dict(form).text
    assert isinstance(revived, Message)
    assert revived.render("zh").startswith("共 688.0 GB，已有 40.0 GB")


def test_secrets_are_redacted_in_state_evidence() -> None:
    data = changed("unreachable", {"n2": "login with hunter22222 failed", "n3": "timed out"})
    (finding,) = diagnose(evidence(data), load_symptoms(), Hider({"admin_password": "hunter22222"})).findings
    assert str(finding.traces[0].text) == "n2: login with <admin_password> failed n3: timed out"


@pytest.mark.parametrize("fault", [{"ranks": []}, {"started": "2026-11-23T07:00:00Z"}])
def test_partially_restarted_cluster(fault: dict[str, Any]) -> None:
    data = changed("answers n1 completion", GONE)
    data["answers"]["n1"] |= {"health": GONE, "models": GONE}
    data["webui"]["apis"] = []
    if "ranks" in fault:
        data["nodes"]["n2"]["ranks"] = []
    else:
        data["nodes"]["n1"]["containers"]["inferfleet-ray"]["started_at"] = fault["started"]
    assert found(evidence(data)) == {"partial-restart": ""}


def test_container_restart_loop() -> None:
    data = changed("nodes n1 containers inferfleet-engine restart_count", 7)
    assert found(evidence(data)) == {}, "it answers now"
    data["answers"]["n1"] = dict.fromkeys(("health", "models", "unauthenticated", "completion"), GONE)
    assert found(evidence(data)) == {"container-restart-loop": "n1"}
    data["nodes"]["n1"]["collected"] = STARTED_AT + 299
    assert found(evidence(data)) == {"container-restart-loop": "n1"}


def test_container_that_runs_for_minutes_is_not_in_a_restart_loop() -> None:
    data = changed("nodes n1 containers inferfleet-engine restart_count", 7)
    data["answers"]["n1"]["completion"] = GONE
    data["nodes"]["n1"]["collected"] = STARTED_AT + 300
    assert found(evidence(data)) == {"engine-unresponsive": ""}
    data["nodes"]["n1"]["containers"]["inferfleet-engine"]["running"] = False
    assert "container-restart-loop" in found(evidence(data))


def test_unread_data_is_reported() -> None:
    data = healthy()
    failed = Message("", "`{tool}` exited with code {status}: {output}.", tool="docker logs x", status=1, output="none")
    data["nodes"]["n2"]["unread"] = [failed.as_dict(), "docker logs y ended with 1: no such container"]
    first, second = diagnose(evidence(data), load_symptoms()).as_dict()["analyzed"]["unread"]
    assert first["message"] == "n2: `docker logs x` exited with code 1: none."
    assert Message.from_dict(first).render("zh") == "n2：`docker logs x` 以退出码 1 结束：none。"
    assert second["message"] == "n2: docker logs y ended with 1: no such container"


def test_findings_are_sorted_by_severity_and_layer() -> None:
    data = changed("nodes n2 containers inferfleet-ray", STOPPED)
    data["nodes"]["n1"]["mounts"]["/data/models"] = NFS
    data["webui"]["models"] = []
    data["unreachable"] = {"n3": "no route"}
    names = [finding.symptom.id for finding in diagnose(evidence(data), load_symptoms()).findings]
    assert names == ["node-unreachable", "ray-node-missing", "webui-no-models", "slow-network-file-system"]


def test_each_service_is_evaluated_with_its_own_plan() -> None:
    data = healthy()
    second = data["plans"][0] | {
        "service": "small",
        "head": "n3",
        "served_model_name": "small",
        "nodes": {"n3": {}},
        "ranks": 1,
    }
    data["plans"] = [data["plans"][0] | {"service": "big"}, second]
    data["nodes"]["n3"] = data["nodes"]["n1"]
    data["answers"]["n3"] = data["answers"]["n1"] | {"completion": GONE}
    data["webui"]["models"] = ["deepseek-r1", "small"]
    (finding,) = diagnose(evidence(data), load_symptoms()).findings
    assert (finding.symptom.id, finding.service) == ("engine-unresponsive", "small")


def test_replica_that_waits_names_the_lost_node() -> None:
    data = changed("nodes n1 supervisor state", "waiting")
    data["nodes"]["n1"]["supervisor"]["members"][1] |= {"state": "lost", "age": 41.6}
    [finding] = [f for f in diagnose(evidence(data), load_symptoms()).findings if f.symptom.id == "replica-waiting"]
    assert (finding.node, str(finding.traces[0].text)) == (
        "n1",
        "Replica r waits for n2, which has not answered for 42 s.",
    )
