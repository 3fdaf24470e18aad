"""Values that no plan can have, whatever the machines are, although each is of the right type."""

from inferfleet.messages import N_
from inferfleet.planner.refusals import BadValue, Refusal
from inferfleet.settings import Settings

MOST_PER_NODE = 64
"""Accelerators of one node, at most."""


def value_problems(settings: Settings) -> list[Refusal]:
    """Return the values that are out of range."""
    if settings.accelerators_per_node <= MOST_PER_NODE:
        return []
    return [
        BadValue(
            N_("Variable accelerators_per_node is {value}, more than any server holds."),
            N_("Set accelerators_per_node to at most {most}, or to 0 for what the nodes report."),
            {"accelerators_per_node": 0},
            value=settings.accelerators_per_node,
            most=MOST_PER_NODE,
        )
    ]
