"""Results of Ansible tasks that contain problems as data."""

from collections.abc import Iterable, Mapping
from typing import Any

from inferfleet.messages import Message, Problem


def failed(problems: Iterable[Problem], refusal: str = "") -> dict[str, Any]:
    """Return the result of a task that fails with these problems.

    `refusal` is the reason why the preflight failed: `contract`, `busy`, `facts`, `unreachable` or `limit`; empty if
    the task failed for another reason.
    """
    problems = list(problems)
    result = {
        "failed": True,
        "msg": "\n".join(map(str, problems)),
        "problems": [problem.as_dict() for problem in problems],
    }
    return result | ({"inferfleet_refusal": refusal} if refusal else {})


def reported_reason(result: Mapping[str, Any]) -> Message | str:
    """Return why a task failed: its first problem, or its `msg`."""
    problems = result.get("problems")
    return Message.from_dict(problems[0]) if problems else str(result.get("msg") or "")
