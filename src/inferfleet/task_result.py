"""Results of Ansible tasks that carry problems as data."""

from collections.abc import Iterable
from typing import Any

from inferfleet.messages import Problem


def failed(problems: Iterable[Problem], refusal: str = "") -> dict[str, Any]:
    """Return the result of a task that fails with these problems.

    `refusal` names what the preflight refused: `contract`, `facts`, `unreachable` or `limit`; empty: the task failed
    for another reason.
    """
    problems = list(problems)
    result = {
        "failed": True,
        "msg": "\n".join(map(str, problems)),
        "problems": [problem.as_dict() for problem in problems],
    }
    return result | ({"inferfleet_refusal": refusal} if refusal else {})
