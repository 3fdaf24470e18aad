"""Outcomes of runs, from events and, if these are inconclusive, Ansible's exit status."""

from typing import Any

import pytest
from recording import Recorded

from inferfleet.messages import Message
from inferfleet.runner.outcome import EXIT_CODES, Outcome, outcome
from inferfleet.runner.result import ChangedTask, Failure, RunResult

FAILED = Failure("n1", "s", "t", Message("", "m"))
UNREACHABLE = Failure("n2", "s", "t", Message("", "m"), unreachable=True)
CHANGED = ChangedTask("n1", "s", "t")


def outcome_of(*, assert_no_change: bool = False, **fields: Any) -> Outcome:
    base = {"stages": (), "seconds": 1.0, "rc": 0, "complete": True, "tasks_run": 3}
    return outcome(RunResult(**(base | fields)), assert_no_change=assert_no_change)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, Outcome.OK),
        ({"failures": (FAILED,), "rc": 2}, Outcome.FAILED),
        ({"failures": (UNREACHABLE,), "rc": 4}, Outcome.UNREACHABLE),
        ({"failures": (FAILED, UNREACHABLE), "rc": 2}, Outcome.UNREACHABLE),
        ({"refusal": "contract", "rc": 2}, Outcome.BAD_INPUT),
        ({"refusal": "facts", "rc": 2}, Outcome.REQUIREMENTS_NOT_MET),
        ({"refusal": "unreachable", "rc": 2}, Outcome.UNREACHABLE),
        ({"refusal": "limit", "rc": 2}, Outcome.THRESHOLD_NOT_MET),
        ({"rc": 4, "tasks_run": 0, "complete": False}, Outcome.BAD_INPUT),  # a parser error at the start
        ({"rc": 4, "tasks_run": 9, "complete": False}, Outcome.BAD_INPUT),  # … or later: nobody is unreachable
        ({"rc": 1, "tasks_run": 0, "complete": False}, Outcome.BAD_INPUT),  # --limit without a host
        ({"rc": 250, "tasks_run": 9, "complete": False}, Outcome.FAILED),  # Ansible itself broke
        ({"tasks_run": 0}, Outcome.BAD_INPUT),  # --tags without a task
        ({"interrupted": True, "failures": (FAILED,), "rc": 254}, Outcome.INTERRUPTED),
        ({"changed_tasks": (CHANGED,)}, Outcome.OK),
    ],
)
def test_outcomes(fields: dict[str, Any], expected: Outcome) -> None:
    assert outcome_of(**fields) is expected


def test_change_matters_only_with_assert_no_change() -> None:
    assert outcome_of(changed_tasks=(CHANGED,), assert_no_change=True) is Outcome.CHANGES_DETECTED
    assert outcome_of(assert_no_change=True) is Outcome.OK
    assert outcome_of(changed_tasks=(CHANGED,), failures=(FAILED,), rc=2, assert_no_change=True) is Outcome.FAILED


def test_exit_codes() -> None:
    assert EXIT_CODES == {
        Outcome.OK: 0,
        Outcome.BAD_INPUT: 1,
        Outcome.FAILED: 2,
        Outcome.REQUIREMENTS_NOT_MET: 3,
        Outcome.UNREACHABLE: 4,
        Outcome.CHANGES_DETECTED: 5,
        Outcome.THRESHOLD_NOT_MET: 6,
        Outcome.WARNINGS: 7,
        Outcome.INTERRUPTED: 130,
    }


def test_real_runs(site_run: Recorded, broken_run: Recorded) -> None:
    assert outcome(site_run.result) is Outcome.FAILED
    assert outcome(broken_run.result) is Outcome.BAD_INPUT
