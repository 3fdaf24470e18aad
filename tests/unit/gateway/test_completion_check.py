"""The completion check: when a replica is unhealthy, and what it reads of engines and HAProxy."""

import importlib.util
import json
from pathlib import Path

import pytest
from tests.unit.gateway.plans import plan

from inferfleet.gateway import backends_of, completion_check

FILE = Path(__file__).parents[3] / "roles/gateway/files/completion_check.py"
spec = importlib.util.spec_from_file_location("completion_check", FILE)
check = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check)


@pytest.mark.parametrize(
    ("completions", "up"),
    [
        ([(200, True)], True),
        ([(500, False)] * 2, True),
        ([(500, False)] * 3, False),
        ([(500, True)] * 3, False),  # streams that started before continue
        ([(500, False)] * 2 + [(200, False)] + [(500, False)] * 2, True),
        ([(502, False)] * 3, False),
        ([(0, False)], True),
        ([(0, False)] * 2, False),
        ([(0, True)] * 20, True),  # the queue is long
        ([(0, False), (0, True), (0, False)], True),
        ([(503, True)] * 20, True),  # the engine's own queue is full
        ([(503, False)] * 2, False),
        ([(429, False), (0, False)], False),
        ([(404, False)] * 9, True),  # no chat model
        ([(401, False)] * 9, True),
        ([(500, False)] * 9 + [(200, False)], True),
        ([(0, False)] * 9 + [(200, False)], True),
    ],
)
def test_completions_decide(completions, up):
    failures = stalls = 0
    for status, progressed in completions:
        failures, stalls = check.assess(status, progressed, failures, stalls)
    assert check.is_up(failures, stalls) == up


def test_generated_tokens_of_all_engines_of_a_server():
    metrics = """# HELP vllm:generation_tokens_total Number of generation tokens processed.
# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{engine="0",model_name="m"} 12.0
vllm:generation_tokens_total{engine="1",model_name="m"} 1.5e+06
vllm:generation_tokens_created{engine="1",model_name="m"} 7.0
"""
    assert check.generated_tokens(metrics) == 1500012
    assert check.generated_tokens("sglang:generation_tokens_total 5.0") == 5
    assert check.generated_tokens('{"detail":"Not Found"}') is None


def test_sent_bytes_of_a_replica():
    statistics = (
        "# pxname,svname,qcur,bin,bout,\nclients,FRONTEND,,1,2,\nmodel_m,n1_8000,0,3,45,\nmodel_m,BACKEND,0,3,45,\n"
    )
    assert check.sent_bytes(statistics, "model_m/n1_8000") == "45"
    assert check.sent_bytes(statistics, "model_m/n2_8000") is None
    assert check.sent_bytes("", "model_m/n1_8000") is None


def test_settings_name_each_replica_as_haproxy_does():
    plans = [plan("m", "a1"), plan("m", "b1"), plan("q", "c1", api_path="/v1-openai", takes_api_key=False)]
    settings = json.loads(completion_check(backends_of(plans), 8405, "/run/s", 30, "key"))
    assert [replica["name"] for replica in settings["replicas"]] == [
        "model_m/a1_8000",
        "model_m/b1_8000",
        "model_q/c1_8000",
    ]
    assert [replica["authorization"] for replica in settings["replicas"]] == ["Bearer key", "Bearer key", ""]
    assert settings["replicas"][2]["path"] == "/v1-openai/chat/completions"


def test_settings_name_the_port_of_the_supervisor():
    plans = [plan("m", "a1", supervised=True), plan("m", "b1")]
    settings = json.loads(completion_check(backends_of(plans), 8405, "/run/s", 30, "key"))
    assert [replica["supervisor_port"] for replica in settings["replicas"]] == [8406, 0]


@pytest.mark.parametrize(
    ("status", "body", "state"),
    [
        (200, '{"replica": "r", "state": "up"}', "up"),
        (200, '{"replica": "r", "state": "down"}', "down"),
        (200, '{"replica": "r", "state": "unknown"}', ""),
        (200, '{"state": "unsure"}', ""),
        (200, "[]", ""),
        (200, "not JSON", ""),
        (500, '{"state": "down"}', ""),
        (0, "", ""),
    ],
)
def test_only_a_supervisor_that_answers_decides(status, body, state):
    assert check.supervised_state(status, f"HTTP/1.1 {status} X\r\nA: b\r\n\r\n{body}") == state
    replica = check.Replica({}, {"name": "m/a1"})
    replica.supervised = state
    assert replica.state().startswith("down") == (state == "down")
