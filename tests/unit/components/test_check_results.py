"""Results of a service's checks, as messages in both languages."""

import pytest

from inferfleet.components import answer_results, failed_checks, inventory_variable, rules_results, state_results
from inferfleet.messages import Message, Problem, use_language

GATEWAY = {"item": {"key": "n1", "value": "10.0.0.1"}, "ready": True, "models": ["a", "b"], "seconds": 0.26}
SKIPPED = {"skipped": True, "changed": False}


def message(text, **parameters):
    """Return the result of a waiting module."""
    return {"progress": {"text": Message("x", text, **parameters).as_dict()}, "seconds": 1.25, "ready": False}


@pytest.fixture
def state():
    ranks = [{"name": Message("", "ranks").as_dict(), "ok": True, "detail": Message("", "2 of 2").as_dict()}]
    engine = message("answered", seconds=1) | {"ready": True}
    return state_results(
        message("{count} nodes", count=1),
        ranks,
        engine,
        [message("HTTP {status}", status=503) | {"item": {"key": "n1", "value": "10.0.0.1"}}],
        message("no response from {url}: {reason}", url="u", reason="r"),
    )


def shown(results):
    return [
        (str(Message.from_dict(item["name"])), item["ok"], str(Message.from_dict(item["detail"]))) for item in results
    ]


@pytest.fixture
def chinese():
    use_language("zh")
    yield
    use_language("en")


def test_answer_results():
    results = answer_results([{"seconds": 0.456}, {"seconds": 9}], [GATEWAY], {"seconds": 2}, "vllm", True)
    assert shown(results) == [
        ("API responds", True, "2 of 2 questions as expected, first in 0.5 s"),
        ("API rejects unauthenticated requests", True, "HTTP 401 without the key"),
        ("API through the gateway on n1", True, "answered in 0.3 s over TLS, HTTP 401 without a key, models listed: 2"),
        ("Open WebUI responds", True, "signed in and chatted in 2.0 s"),
    ]
    assert shown(answer_results([{"seconds": 1}], [], SKIPPED, "deepseek-infer", False))[1:] == [
        ("API rejects unauthenticated requests", False, "deepseek-infer does not support an API key")
    ]


def test_rules_results():
    results = rules_results(
        {
            "n1": {"rc": 0, "stdout": "table inet inferfleet {"},
            "n2": {"rc": 1, "stderr_lines": ["Error: No such file or directory", "list table inet inferfleet"]},
            "n3": {"rc": 2, "msg": "nft is missing"},
            "n4": {"unreachable": True},
            "n5": SKIPPED,
            "n6": {},
        }
    )
    assert shown(results) == [
        ("Node firewall on n1", True, "rules loaded"),
        ("Node firewall on n2", False, "rules not loaded: Error: No such file or directory"),
        ("Node firewall on n3", False, "rules not loaded: nft is missing"),
        ("Node firewall on n4", False, "host unreachable"),
    ]


def test_state_results(state):
    assert shown(state) == [
        ("Ray", False, "1 nodes"),
        ("ranks", True, "2 of 2"),
        ("Engine", True, "answered in 1.2 s"),
        ("API through the gateway on n1", False, "HTTP 503"),
        ("Open WebUI", False, "no response from u: r"),
    ]
    assert shown(state_results(SKIPPED, [], message("answered"), [], SKIPPED)) == [("Engine", False, "answered")]


def test_failed_checks_are_one_problem(state):
    (form,) = failed_checks(state)
    assert str(Problem.from_dict(form)).startswith(
        "Some checks failed: Ray: 1 nodes, API through the gateway on n1: HTTP 503, Open WebUI: no response from u: r."
        " Run `inferfleet up` again"
    )
    assert failed_checks([item for item in state if item["ok"]]) == []


def test_chinese(state, chinese):
    assert shown(state)[2:] == [
        ("推理引擎", True, "已应答，用时 1.2 s"),
        ("经由 n1 上网关的 API", False, "HTTP 503"),
        ("Open WebUI", False, "u 没有应答：r"),
    ]
    assert str(Problem.from_dict(failed_checks(state)[0])).startswith("部分检查未通过：Ray：")
    assert str(Message.from_dict(inventory_variable("engine_api_key"))) == "清单变量 engine_api_key"
