"""Inputs and results of the nodes, as the role model_weights exchanges them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Facts = Mapping[str, Any]


def controller_folders(sources: Sequence[Facts]) -> dict[str, str]:
    """Return the controller's folders among the sources, keyed by entry number (from 1)."""
    return {str(number): entry["path"] for number, entry in enumerate(sources, 1) if "host" in entry}


def peers(members: Iterable[str], nodes: Mapping[str, Facts], addresses: Mapping[str, str], port: int) -> list[Facts]:
    """Return name, address and port of every member of a download; `addresses` override those of the plan's nodes."""
    return [
        {"name": host, "address": addresses[host] if host in addresses else nodes[host]["address"], "port": port}
        for host in members
    ]


def link_speeds(fabric: Mapping[str, Facts], nodes: Mapping[str, Facts]) -> dict[str, float]:
    """Return the speed (Mbit/s) of each node's planned interface; 0 if unknown."""
    return {host: _speed(facts, nodes.get(host, {}).get("interface")) for host, facts in fabric.items()}


def _speed(facts: Facts, name: str | None) -> float:
    interfaces = facts.get("interfaces", [])
    speed: float = next((interface["speed_mbps"] for interface in interfaces if interface["name"] == name), 0)
    return speed


def models_of_nodes(models: Mapping[str, Iterable[Facts]]) -> list[Facts]:
    """Return the models of all nodes as one list; each entry names its node."""
    return [{"node": host, **model} for host, on_node in models.items() for model in on_node]


def repairs(damage: Mapping[str, Facts], verifications: Mapping[str, Facts]) -> list[Facts]:
    """Return the hash check of each node; `repaired` is true if its copy has become complete since."""
    return [
        {
            "node": host,
            "repaired": not result["complete"] and bool(verifications[host].get("complete", False)),
            **result,
        }
        for host, result in damage.items()
    ]
