"""Read the cases, and build their inventories."""

from pathlib import Path
from typing import Any

import yaml

CASES = Path(__file__).parent / "cases"
Case = dict[str, Any]


def read_cases() -> list[Case]:
    """Return all cases: broken inventories and facts, with the refusals of `inferfleet plan` word for word.

    A refusal is `code: message remedy`. `devices` stands for that many accelerators, `last_device` for how the last
    one differs.
    """
    return [case for file in sorted(CASES.glob("*.yml")) for case in yaml.load(file.read_text(), yaml.CSafeLoader)]


def write_inventory(case: Case, folder: Path) -> Path:
    """Write a case's inventory: `nodes` nodes, each with `vars`, one of them with the variables in `hosts`."""
    nodes = {
        f"n{i}": {"ansible_host": f"10.0.0.{i}", **case.get("hosts", {}).get(f"n{i}", {})}
        for i in range(1, case["nodes"] + 1)
    }
    head, *workers = nodes
    groups = {"ray_head": {"hosts": {head: nodes[head]}}, "ray_worker": {"hosts": {n: nodes[n] for n in workers}}}
    everywhere = folder / "group_vars" / "all"
    everywhere.mkdir(parents=True)
    (everywhere / "10_cluster.yml").write_text(yaml.safe_dump(case["vars"]))
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": groups}}))
    return folder


def facts_of(case: Case) -> dict[str, Any]:
    """Return a case's facts with all devices expanded."""
    return {name: _devices(dict(node)) for name, node in case.get("facts", {}).items()}


def _devices(node: dict[str, Any]) -> dict[str, Any]:
    device, last = node.pop("devices", None), node.pop("last_device", {})
    if device:
        count = device["count"]
        same = {key: value for key, value in device.items() if key != "count"}
        devices = [{"index": i, **same} for i in range(count)]
        devices[-1].update(last)
        node["accelerators"] = devices
    return node
