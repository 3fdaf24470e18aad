"""Problems as code and parameters, for tests to compare; the golden files have the wording."""

from collections.abc import Iterable
from typing import Any

from inferfleet.inventory import Inventory
from inferfleet.messages import Message, Problem
from inferfleet.planner.checks import check_inventory


def found(inventory: Inventory) -> list[tuple[str, dict[str, Any]]]:
    """Return code and parameters of each problem of an inventory; messages among the parameters in English."""
    return listed(check_inventory(inventory))


def listed(problems: Iterable[Problem]) -> list[tuple[str, dict[str, Any]]]:
    """Return code and parameters of each problem."""
    return [(problem.code, {name: _plain(value) for name, value in problem.parameters.items()}) for problem in problems]


def codes(inventory: Inventory) -> list[str]:
    """Return the codes of an inventory's problems."""
    return [problem.code for problem in check_inventory(inventory)]


def _plain(value: Any) -> Any:
    if isinstance(value, Message):
        return value.render("en")
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
