"""Whether a deployment changes containers that a supervisor runs."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from inferfleet.components import load_component


def containers_change(
    plan: Mapping[str, Any], containers: Mapping[str, Iterable[str]], replaced: Collection[str]
) -> bool:
    """Return whether containers of a replica will be replaced, removed or started.

    `containers` are lines that start with name and state of each container, by node; `replaced` the names of those that
    are replaced.
    """
    return bool(replaced) or any(_planned(plan, node) != _running(lines) for node, lines in containers.items())


def _names() -> set[str]:
    return {load_component(name).container for name in ("ray", "engine")}


def _running(lines: Iterable[str]) -> set[str]:
    states = [line.split()[:2] for line in lines]
    return {name for name, state in states if state == "running"} & _names()


def _planned(plan: Mapping[str, Any], node: str) -> set[str]:
    """Return the containers that a supervisor runs on a node: none of an engine with a role of its own."""
    if plan["role"] != "inference_engine" or node not in plan["nodes"]:
        return set()
    wanted = {"ray": plan["executor"] == "ray", "engine": bool(plan["nodes"][node]["argv"])}
    return {load_component(name).container for name, runs in wanted.items() if runs}
