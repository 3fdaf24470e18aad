"""The groups in which a run collects the nodes that it replaces one after another, a group for each replica."""

from collections.abc import Mapping, Sequence

PREFIX = "inferfleet_roll_"
"""Prefix of the groups, which a run creates; the place in the roll follows, with leading zeros."""
FIRST_PREFIX = "inferfleet_first_"
"""Prefix of the groups of replicas that are replaced before the gateways change to a new key of the engines."""
DRIVER_PREFIX = "inferfleet_driver_"
"""Prefix of the groups of replicas that stop, one after another, while the drivers of their nodes change."""
NOBODY = "all:!all"
"""Pattern that matches no host: an empty list of hosts is an error in the header of a play."""


def rolled(groups: Mapping[str, Sequence[str]], prefix: str = PREFIX) -> list[list[str]]:
    """Return the nodes of each replica that is rolled, in the order of the roll."""
    return [[*groups[name]] for name in sorted(groups) if name.startswith(prefix)]


def at_once(groups: Mapping[str, Sequence[str]], serving: Sequence[str]) -> list[str]:
    """Return the serving nodes that are in no replica that is rolled."""
    later = {host for prefix in (FIRST_PREFIX, PREFIX) for hosts in rolled(groups, prefix) for host in hosts}
    return [host for host in serving if host not in later]
