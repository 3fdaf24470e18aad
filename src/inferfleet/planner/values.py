"""Values that no plan can have, whatever the machines are, although each is of the right type."""

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
            f"Variable accelerators_per_node is {settings.accelerators_per_node}, more than any server holds.",
            f"Set accelerators_per_node to at most {MOST_PER_NODE}, or to 0 for what the nodes report.",
            {"accelerators_per_node": 0},
        )
    ]
