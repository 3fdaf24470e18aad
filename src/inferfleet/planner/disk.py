"""Whether the weights fit onto each node's disk."""

from collections.abc import Mapping
from typing import Any

from inferfleet.messages import Problem
from inferfleet.planner.plan import Plan
from inferfleet.planner.refusals import DiskTooSmall

_GIB = 2**30


def disk_problems(plan: Plan, nodes: Mapping[str, Mapping[str, Any]], model_root: str) -> list[Problem]:
    """Return the nodes whose disk lacks room for the checkpoint, where the disk was measured.

    Nodes carry `disk`, a map of path to `free_bytes`, and `present`, bytes of each checkpoint that lies there.
    """
    problems: list[Problem] = []
    for name, node in nodes.items():
        disk, present = node.get("disk"), node.get("present")
        measured = disk.get(model_root) if isinstance(disk, Mapping) else None
        free = measured.get("free_bytes") if isinstance(measured, Mapping) else None
        if not isinstance(free, int):
            continue
        held = present.get(plan.checkpoint, 0) if isinstance(present, Mapping) else 0
        there = held if isinstance(held, int) else 0
        needed = max(0, plan.checkpoint_bytes - there)
        if needed > free:
            problems.append(
                DiskTooSmall(
                    f"Host {name} has {free / _GIB:.1f} GiB free in model_root {model_root}, but"
                    f" {plan.checkpoint} needs {needed / _GIB:.1f} GiB more.",
                    f"Free {(needed - free) / _GIB:.1f} GiB there, or point model_root to a larger disk.",
                )
            )
    return problems
