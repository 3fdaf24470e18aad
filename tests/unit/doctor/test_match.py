"""Findings from log lines: place, time, count, and whether they are resolved."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from state import changed, evidence, healthy

from inferfleet.doctor import Hider, Log, diagnose, load_symptoms, read_evidence, write_node, write_service
from inferfleet.doctor.evidence import split_time, unix_time

LOGS = Path(__file__).parents[2] / "fixtures/doctor"
NCCL = Path(__file__).parents[2] / "fixtures/nccl"
WAITING = "INFO 11-23 05:56:38 [ray_utils.py:467] Waiting for creating a placement group of specs for 70 seconds."
READY = "INFO:     Application startup complete."
MARLIN = "WARNING Your GPU does not have native support for FP8 computation but FP8 quantization is being used."


def at(clock: str, line: str) -> str:
    return f"2026-11-23T{clock}.100000001Z {line}"


def engine(*lines: str, name: str = "inferfleet-engine.log") -> Log:
    return Log("n1", name, "\n".join(lines) + "\n")


def ids(*logs: Log, now: bool = True, state: bool = False) -> list[str]:
    given = evidence(healthy() if state else {"plans": ()}, logs=logs)
    return [finding.symptom.id for finding in diagnose(given, load_symptoms()).findings if finding.now is now]


def test_finding_has_place_time_and_count() -> None:
    log = engine("quiet", at("05:56:08", WAITING), "quiet", at("05:56:38", f"\x1b[36m{WAITING}\x1b[0m"))
    (finding,) = diagnose(evidence({"plans": ()}, logs=(log,)), load_symptoms()).findings
    assert (finding.node, finding.count, finding.now) == ("n1", 2, True)
    last = finding.traces[-1]
    assert (last.where, last.line, last.text) == ("inferfleet-engine.log", 4, WAITING)
    assert last.at == unix_time("2026-11-23T05:56:38.1Z")


def test_symptoms_before_the_engine_was_ready_are_resolved() -> None:
    assert ids(engine(WAITING, READY)) == []
    assert ids(engine(WAITING, READY), now=False) == ["placement-group-pending"]
    assert ids(engine(WAITING, READY, WAITING)) == ["placement-group-pending"]


def test_errors_are_resolved_once_the_service_answers() -> None:
    assert ids(engine(WAITING), state=True, now=False) == ["placement-group-pending"]
    given = evidence(changed("answers n1 completion status", 0), logs=(engine(WAITING),))
    assert "placement-group-pending" in {f.symptom.id for f in diagnose(given, load_symptoms()).findings if f.now}


def test_killed_process_is_resolved_once_the_service_answers() -> None:
    killed = Log("n1", "kernel.log", at("05:00:00", "Memory cgroup out of memory: Killed process 4711 (vllm)\n"))
    assert ids(killed, state=True) == []
    assert ids(killed, state=True, now=False) == ["out-of-memory"]
    assert ids(killed) == ["out-of-memory"]


def test_free_disk_resolves_errors_of_a_full_one() -> None:
    full = engine("OSError: [Errno 28] No space left on device: '/data/models/x'\n")
    silent = changed("answers n1 completion status", 0)
    found = {f.symptom.id: f.now for f in diagnose(evidence(silent, logs=(full,)), load_symptoms()).findings}
    assert found["disk-full"] is False
    silent["nodes"]["n1"]["mounts"]["/data/models"]["free_bytes"] = 1 << 20
    found = {f.symptom.id: f.now for f in diagnose(evidence(silent, logs=(full,)), load_symptoms()).findings}
    assert found["disk-full"] is True
    assert ids(full) == ["disk-full"]  # the state of the disk is unknown


def test_warning_persists_until_its_container_restarts() -> None:
    later, before = at("06:00:00", MARLIN), at("05:00:00", MARLIN)  # it started at 05:52:51
    assert ids(engine(later, READY), state=True) == ["fp8-weight-only"]
    assert ids(engine(before, READY), state=True) == []
    assert ids(engine(before, READY), state=True, now=False) == ["fp8-weight-only"]


def test_log_of_another_kind_does_not_match() -> None:
    assert ids(engine(WAITING, name="kernel.log")) == []
    assert ids(engine(WAITING, name="what-a-user-sent.txt")) == ["placement-group-pending"]


def test_tcp_is_a_finding_only_with_rdma_configured() -> None:
    socket = "gpu01:412:498 [0] NCCL INFO Using network Socket"
    tcp = healthy()
    tcp["plans"][0]["transport"] = "tcp"
    for data, expected in ((healthy(), ["nccl-on-tcp"]), (tcp, []), ({"plans": ()}, [])):
        given = evidence(data, logs=(engine(socket),))
        assert [finding.symptom.id for finding in diagnose(given, load_symptoms()).findings] == expected


def test_loopback_is_a_finding_only_between_nodes() -> None:
    text = (LOGS / "recorded/nccl_loopback.log").read_text()
    one = healthy()
    one["plans"][0] |= {"transport": "tcp", "nodes": {"n1": {}}}
    two = healthy()
    two["plans"][0]["transport"] = "tcp"
    for data, expected in ((two, ["nccl-on-loopback"]), (one, [])):
        found = diagnose(evidence(data, logs=(Log("n1", "inferfleet-engine.log", text),)), load_symptoms()).findings
        assert [finding.symptom.id for finding in found] == expected
    seen = text + "NCCL INFO comm 0x1 rank 0 nRanks 16 nNodes 2 localRanks 8 localRank 0 MNNVL 0\n"
    assert ids(engine(seen)) == ["nccl-on-loopback"]


def test_healthy_nccl_log_has_no_findings() -> None:
    for name in ("recorded_nvlink", "infiniband", "plugin", "roce_without_gpudirect"):
        assert ids(engine((NCCL / f"{name}.log").read_text())) == []


def test_requests_of_inferfleet_are_ignored() -> None:
    ours = 'INFO: 10.0.0.1:1 - "GET /v1/models?client=inferfleet-doctor HTTP/1.1" 401 Unauthorized'
    theirs = 'INFO: 10.0.7.1:1 - "GET /v1/models HTTP/1.1" 401 Unauthorized'
    assert ids(engine(*[ours] * 20, *[theirs] * 19)) == []
    assert ids(engine(*[theirs] * 20)) == ["client-wrong-key"]


def test_long_line_is_cut_around_the_match() -> None:
    line = f"{'x' * 5000} {WAITING} {'y' * 5000}"
    (finding,) = diagnose(evidence({"plans": ()}, logs=(engine(line),)), load_symptoms()).findings
    assert "Waiting for creating a placement group" in finding.traces[0].text
    assert len(finding.traces[0].text) < 410


def test_secrets_are_redacted_in_evidence() -> None:
    line = f"{WAITING} key=abcdef0123456789 Authorization: Bearer 0123456789abcdef"
    given = evidence({"plans": ()}, logs=(engine(line),))
    text = diagnose(given, load_symptoms(), Hider({"engine_api_key": "abcdef0123456789"})).findings[0].traces[0].text
    assert text.endswith("key=<engine_api_key> Authorization: Bearer <hidden>")


@pytest.mark.parametrize(
    ("line", "hidden"),
    [
        ("api_key='0123456789'", "api_key='<hidden>'"),
        ('{"api_key": ["0123456789"]}', '{"api_key": ["<hidden>"]}'),
        ("--api-key 0123456789 --port 8000", "--api-key <hidden> --port 8000"),
        ("RAY_AUTH_TOKEN=0123456789abc", "RAY_AUTH_TOKEN=<hidden>"),
        ("password: hunter2hunter2", "password: <hidden>"),
        ("hf_abcdefghijklmnopqrstuvwx", "<hidden>"),
        ("http://user:s3cret-word@proxy:3128", "http://user:<hidden>@proxy:3128"),
        ("api_key=None, max_num_batched_tokens=4096", "api_key=None, max_num_batched_tokens=4096"),
        ("tokenizer='/data/models/tiny-r1', 1024 tokens", "tokenizer='/data/models/tiny-r1', 1024 tokens"),
    ],
)
def test_probable_secrets_are_redacted_in_foreign_logs(line: str, hidden: str) -> None:
    assert Hider()(line) == hidden


def test_written_folder_is_read_back_unchanged(tmp_path: Path) -> None:
    data = changed("nodes n2 docker", {})
    hide = Hider({"ray_auth_token": "topsecret-token"})
    for name, state in data["nodes"].items():
        logs = {"inferfleet-engine.log": f"{WAITING} topsecret-token\n", "ray-session/raylet.out": "quiet\n"}
        write_node(tmp_path, name, logs, state, hide)
    write_service(tmp_path, data["plans"], data["answers"] | {"n2": {"webui": data["webui"]}}, {}, hide)
    read = read_evidence(tmp_path)
    assert {(log.node, log.name, str(log.kind)) for log in read.logs} == {
        (node, name, kind)
        for node in ("n1", "n2")
        for name, kind in (("inferfleet-engine.log", "engine"), ("ray-session/raylet.out", "ray"))
    }
    found = [finding.symptom.id for finding in diagnose(read, load_symptoms()).findings]
    assert found == ["docker-down", "placement-group-pending", "placement-group-pending"]
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and "topsecret" in path.read_text()]
    assert {oct(path.stat().st_mode & 0o077) for path in tmp_path.rglob("*")} == {"0o0"}


def test_log_cannot_be_written_outside_its_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="outside its folder"):
        write_node(tmp_path / "x", "n1", {"../../evil.log": "x"}, {}, Hider())


def test_any_folder_of_logs_is_read(tmp_path: Path) -> None:
    (tmp_path / "n7").mkdir()
    (tmp_path / "n7/vllm.log.gz").write_bytes(gzip.compress(WAITING.encode()))
    (tmp_path / "core").write_bytes(b"\x7fELF\0\0\0" + WAITING.encode())
    (tmp_path / "state.json").write_text("{")
    (finding,) = diagnose(read_evidence(tmp_path), load_symptoms()).findings
    assert (finding.symptom.id, finding.node) == ("placement-group-pending", "n7")
    with pytest.raises(FileNotFoundError):
        read_evidence(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("line", "rest"),
    [
        ("2026-11-23T05:56:38.565Z hello", "hello"),
        ("2026-11-23T06:56:38+0100 node1 kernel: hello", "node1 kernel: hello"),
        ("2026-11-23T05:56:38,123456+00:00 hello", "hello"),
    ],
)
def test_line_timestamps_are_parsed(line: str, rest: str) -> None:
    assert split_time(line) == (unix_time("2026-11-23T05:56:38Z"), rest)


def test_a_line_without_time_has_none() -> None:
    assert split_time("[2026-11-23 05:56:38] x") == (None, "[2026-11-23 05:56:38] x")
    assert unix_time("0001-01-01T00:00:00Z") is None


def test_json_form() -> None:
    form = diagnose(evidence({"plans": ()}, logs=(engine(WAITING),)), load_symptoms()).as_dict()
    assert json.loads(json.dumps(form)) == form
    assert form["worst"] == "error"
    assert form["analyzed"] | {"symptoms": 0} == {"nodes": ["n1"], "logs": 1, "lines": 1, "symptoms": 0, "unread": []}


def test_healthy_test_cluster_has_no_findings() -> None:
    found = diagnose(read_evidence(LOGS / "healthy"), load_symptoms())
    assert found.nodes == ("node1", "node2")
    assert found.lines > 1000
    assert [(finding.symptom.id, finding.traces) for finding in found.findings] == []


def test_logs_of_the_healthy_cluster_have_no_findings(tmp_path: Path) -> None:
    for path in (LOGS / "healthy").rglob("*.*"):
        if path.suffix != ".json" and path.is_file():
            (tmp_path / f"{path.parent.name}-{path.name}").write_bytes(path.read_bytes())
    found = diagnose(read_evidence(tmp_path), load_symptoms())
    assert found.logs > 10
    assert [(finding.symptom.id, finding.traces) for finding in found.findings] == []


BROKEN = yaml.safe_load((LOGS.parents[1] / "e2e/breakages.yml").read_text())


RECORDED = [case for case in BROKEN if (LOGS / "bundles" / case["name"]).is_dir()]


def test_quick_cases_are_recorded() -> None:
    assert {case["name"] for case in BROKEN if case["shows"] and not case.get("slow")} <= {
        case["name"] for case in RECORDED
    }


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: case["name"])
def test_broken_test_cluster_has_the_expected_findings(case: dict[str, Any]) -> None:
    """What `tests/e2e/breakages.py --record` kept of each case."""
    found = diagnose(read_evidence(LOGS / "bundles" / case["name"]), load_symptoms())
    assert set(case["shows"]) <= {finding.symptom.id for finding in found.findings if finding.now}
