"""What the supervisors report, as rows, checks and events."""

import ast
import json
from pathlib import Path

import pytest

from inferfleet.messages import Message
from inferfleet.supervisor import choice_problems, chosen, events, parsed, readiness, replicas, status_results
from inferfleet.supervisor.messages import REASONS, STATES, event_message, reason_message

PACKAGE = Path(__file__).parents[3] / "roles" / "supervisor" / "files" / "inferfleet_supervisor"
SERVING = {
    "node": "n0",
    "replica": "r-1",
    "leader": "n0",
    "state": "serving",
    "generation": 3,
    "since": "2030-01-01T00:00:00.000Z",
    "restarts": 2,
    "exhausted": False,
    "desired": "running",
    "reason": {"code": "rank-lost", "parameters": {"node": "n1"}},
    "held": None,
    "members": [{"node": "n0", "state": "running", "age": 0.1}, {"node": "n1", "state": "running", "age": 0.4}],
}
MEMBER = {**SERVING, "node": "n1", "state": "unknown"}
OTHER = {**SERVING, "node": "n2", "leader": "n2", "replica": "r-2", "members": [{"node": "n2"}]}


def text(form):
    return str(Message.from_dict(form))


def test_a_replica_is_shown_as_its_leader_sees_it():
    [row] = replicas({"n1": MEMBER, "n0": SERVING, "n3": {}})
    assert (row["replica"], row["state"], row["generation"], row["restarts"]) == ("r-1", "serving", 3, 2)
    assert row["reason"]["code"] == "rank-lost"
    assert text(row["text"]) == "serving, generation 3, 2 restarts, last change: a rank process on n1 ended"


def test_state_is_unknown_without_the_leader():
    [row] = replicas({"n0": {}, "n1": MEMBER})
    assert (row["leader_answers"], row["text"]["code"]) == (False, "leader-silent")


@pytest.mark.parametrize(
    ("replica", "leaders"), [("", ["n0", "n2"]), ("r-2", ["n2"]), ("n1", ["n0"]), ("n0", ["n0"]), ("r-3", [])]
)
def test_leaders_are_commanded(replica, leaders):
    assert chosen({"n0": SERVING, "n1": MEMBER, "n2": OTHER}, replica) == leaders


@pytest.mark.parametrize(
    ("statuses", "replica", "codes"),
    [
        ({"n0": SERVING, "n1": {}}, "", []),
        ({"n0": {}, "n1": {}}, "", ["no-supervisor"]),
        ({"n0": {}, "n1": MEMBER}, "", ["leader-unreachable"]),
        ({"n0": {}, "n1": MEMBER, "n2": OTHER}, "r-1", ["leader-unreachable"]),
        ({"n0": SERVING}, "r-9", ["unknown-replica"]),
    ],
)
def test_why_a_command_cannot_be_given(statuses, replica, codes):
    assert [problem.code for problem in choice_problems(statuses, replica)] == codes


@pytest.mark.parametrize(
    ("changes", "wanted", "ready", "fatal"),
    [
        ({}, "", True, False),
        ({}, "serving", True, False),
        ({"state": "loading"}, "serving", False, False),
        ({"state": "back-off", "exhausted": True}, "serving", False, True),
        ({"state": "stopped", "desired": "stopped"}, "serving", False, True),
        ({"state": "stopped", "desired": "stopped"}, "stopped", True, False),
    ],
)
def test_readiness(changes, wanted, ready, fatal):
    result = readiness(SERVING | changes, "n0", wanted)
    assert (result["ready"], result["fatal"], result["problems"] == []) == (ready, fatal, ready)
    assert text(result["progress"]["text"]).startswith(STATES[SERVING["state"] if not changes else changes["state"]])


def test_silent_supervisor_is_not_ready():
    assert readiness({}, "n0", "")["ready"] is False
    assert parsed({"n0": "", "n1": "[]", "n2": '{"a": 1}'}) == {"n0": {}, "n1": {}, "n2": {"a": 1}}


def test_check_passes_only_while_the_replica_serves():
    silent = status_results({"n0": SERVING, "n1": {}}, ["n0", "n1"])
    assert [result["ok"] for result in silent] == [True, False]
    assert [result["ok"] for result in status_results({"n0": SERVING, "n1": MEMBER}, ["n0", "n1"])] == [True]
    waiting = SERVING | {"state": "waiting"}
    assert [result["ok"] for result in status_results({"n0": waiting, "n1": MEMBER}, ["n0", "n1"])] == [False]


def event(time, node, code, replica="r-1", **parameters):
    return {
        "time": time,
        "node": node,
        "replica": replica,
        "generation": 4,
        "event": code,
        "parameters": parameters,
    }


def test_events_of_all_nodes_are_in_the_order_of_their_times():
    first = event("2030-01-01T00:00:01.000Z", "n0", "member-lost", member="n1")
    second = event("2030-01-01T00:00:02.000Z", "n1", "adopted")
    third = event("2030-01-01T00:00:03.000Z", "n2", "adopted", replica="r-2")
    lines = {"n0": json.dumps(first), "n1": json.dumps([second]), "n2": f"broken\n{json.dumps(third)}\n", "n3": ""}
    assert [found["node"] for found in events(lines)] == ["n0", "n1", "n2"]
    assert [found["node"] for found in events(lines, "r-1")] == ["n0", "n1"]
    assert text(events(lines)[0]["text"]) == "n1 does not answer"


@pytest.mark.parametrize(
    ("code", "parameters", "shown"),
    [
        ("state-changed", {"from": "loading", "to": "serving", "reason": None}, "loading → serving"),
        (
            "restart",
            {"reason": {"code": "hang", "parameters": {"seconds": 60}}, "restarts": 2, "attempts": 1},
            "restart 2: the engine made no progress for 60 s",
        ),
        ("stopped", {"reason": {"code": "operator-stopped", "parameters": {}}}, "stopped: by `inferfleet stop`"),
        ("held", {"seconds": 60.0, "reason": "inferfleet up"}, "only observes for 60 s: inferfleet up"),
        ("of-a-newer-version", {"x": 1}, "of-a-newer-version (x=1)"),
        ("member-lost", {}, "member-lost"),
    ],
)
def test_text_of_an_event(code, parameters, shown):
    assert str(event_message({"event": code, "parameters": parameters})) == shown


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        (
            {"code": "out-of-memory", "parameters": {"node": "n1", "container": "c"}},
            "container c on n1 ran out of memory",
        ),
        (
            {"code": "container-stopped", "parameters": {"node": "n1", "container": "c"}},
            "container c on n1 was stopped deliberately",
        ),
        ({"code": "no-answer", "parameters": {}}, "the engine did not accept connections"),
        (None, ""),
    ],
)
def test_text_of_a_reason(reason, shown):
    assert str(reason_message(reason)) == shown


def test_every_reason_and_state_of_the_supervisor_has_a_text():
    calls = [
        node
        for file in PACKAGE.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Reason"
    ]
    codes = {call.args[0].value for call in calls if call.args and isinstance(call.args[0], ast.Constant)}
    assert codes
    assert codes - REASONS.keys() == set()
    model = ast.parse((PACKAGE / "model.py").read_text())
    names = {"STOPPED", "STOPPING", "WAITING", "BACK_OFF", "UNDEPLOYED", "STARTING", "LOADING", "SERVING"}
    values: set[str] = set()
    for node in ast.walk(model):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            pairs = zip(node.targets[0].elts, node.value.elts, strict=True)
            values |= {value.value for name, value in pairs if name.id in names}
    assert values == set(STATES)
