"""Filters for task results."""

import importlib.util
from pathlib import Path

import pytest

from inferfleet.messages import Message, Problem

UNREACHABLE = "Another node of the service is unreachable."
FILE = Path(__file__).parents[2] / "plugins/filter/results.py"


@pytest.fixture(scope="module")
def filters():
    spec = importlib.util.spec_from_file_location("result_filters", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.FilterModule().filters()


def progress(text, ready):
    return {"ready": ready, "progress": {"text": Message("", text).as_dict()}}


def test_reason_is_the_problem_of_the_task(filters):
    ended = Message("container-ends", "container {name} ended", name="x").as_dict()
    reason = filters["failure_reason"]({"failed": True, "msg": "container x ended", "problems": [ended]}, "n1")
    assert Message.from_dict(reason).template == "container {name} ended"
    assert filters["failure_reason"]({"msg": "no {space}"}, "n1")["message"] == "no {space}"
    assert filters["failure_reason"]({}, "n1")["message"] == "A task failed on n1."


@pytest.mark.parametrize(
    ("reason", "answer", "text"),
    [
        ({}, {}, UNREACHABLE),
        ({}, {"skipped": True}, UNREACHABLE),
        (
            {"message": "It ended."},
            progress("answered", True),
            "It ended. The previous service is running again. `inferfleet doctor --logs failed` reads the logs"
            " of the failed containers for the cause. Correct the settings that changed since the previous deployment,"
            " and run `inferfleet up` again.",
        ),
        ({}, progress("answered", True), f"{UNREACHABLE} The previous service is running again."),
        (
            {"message": "It ended."},
            progress("no answer", False),
            "It ended. The previous service was restarted, but does not respond: no answer",
        ),
    ],
)
def test_service_that_did_not_start(filters, reason, answer, text):
    assert [str(Problem.from_dict(form)) for form in filters["service_failure"](reason, answer, "failed")] == [text]


def test_only_a_gate_is_reported_as_a_threshold(filters):
    refusals = ["limit", "contract", ""]
    results = [{"failed": True, "inferfleet_refusal": refusal} for refusal in refusals]
    assert [filters["gate_refusal"](result) for result in [*results, {}]] == ["limit", "", "", ""]


def test_service_that_a_gate_rejected_has_no_logs_to_read(filters):
    answer = progress("answers", True)
    (problem,) = filters["service_failure"](Message("", "Slower.").as_dict(), answer, "/logs", "limit")
    assert "doctor" not in problem["remedy"]
    assert problem["remedy"]
