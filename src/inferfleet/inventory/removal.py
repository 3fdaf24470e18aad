"""Nodes that a run takes out of the inventory, as `inferfleet remove-node` does."""

from collections.abc import Mapping, Sequence

from inferfleet.inventory.model import CUSTOM_PREFIX
from inferfleet.messages import N_, Problem

PREFIX = "remove_nodes:"
"""Begin of the inventory source that names the nodes; Ansible requires a comma in a source that is not a path."""
GROUP = f"{CUSTOM_PREFIX}removed_nodes"
"""The only group of the nodes in such a run: one that is not deployed."""


def source_of(names: Sequence[str]) -> str:
    """Return the inventory source that takes the nodes out."""
    return PREFIX + "".join(f"{name}," for name in names)


def removed_by(source: str) -> list[str]:
    """Return the nodes that an inventory source takes out."""
    return [name for name in source.removeprefix(PREFIX).split(",") if name]


def removal_problems(groups: Mapping[str, Sequence[str]], name: str) -> list[Problem]:
    """Return why a node cannot leave an inventory: unknown, or the last host of a group that needs one."""
    if name not in {*groups.get("ray_head", ()), *groups.get("ray_worker", ())}:
        return [
            Problem(
                "unknown-node",
                N_("The inventory has no node {node} in ray_head or ray_worker."),
                N_("Choose from {nodes}. A node that hosts.yml no longer has is left out by `inferfleet up`."),
                node=name,
                nodes=[*dict.fromkeys((*groups.get("ray_head", ()), *groups.get("ray_worker", ())))],
            )
        ]
    emptied = [
        group
        for group, hosts in groups.items()
        if list(hosts) == [name] and group not in ("ray_worker", "ungrouped") and not group.startswith(CUSTOM_PREFIX)
    ]
    return [
        Problem(
            "last-of-group",
            N_("Node {node} is the only host of group {group}."),
            N_("Add another host to {group} in hosts.yml first, for example by moving one from ray_worker."),
            node=name,
            group=group,
        )
        for group in emptied
    ]
