"""The nodes that served an evaluated model."""

from collections.abc import Mapping
from typing import Any


def evaluated_nodes(plan: Mapping[str, Any], drivers: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return address, accelerator and driver version of every node of a plan, by host."""
    return {
        host: {"address": node["address"], "accelerator": plan["accelerator"], "driver": drivers[host]}
        for host, node in plan["nodes"].items()
    }
