"""Check values that have the right type but cannot work on any hardware."""

from collections.abc import Iterator

from inferfleet.messages import N_
from inferfleet.planner.refusals import BadValue, Refusal
from inferfleet.settings import Settings

MOST_PER_NODE = 64
"""Maximum number of accelerators per node."""


def value_problems(settings: Settings) -> Iterator[Refusal]:
    """Yield the problems of values that are out of range."""
    if settings.accelerators_per_node > MOST_PER_NODE:
        yield BadValue(
            N_("Variable accelerators_per_node is {value}, which exceeds the maximum of {most}."),
            N_("Set accelerators_per_node to at most {most}, or to 0 to use what the nodes report."),
            {"accelerators_per_node": 0},
            value=settings.accelerators_per_node,
            most=MOST_PER_NODE,
        )
