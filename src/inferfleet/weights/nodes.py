"""What the role model_weights passes to the nodes and reports of them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Facts = Mapping[str, Any]


def controller_folders(sources: Sequence[Facts]) -> dict[str, str]:
    """Return the folders of the controller that are sources, by the number of their entry (from 1)."""
    return {str(number): entry["path"] for number, entry in enumerate(sources, 1) if "host" in entry}


def peers(members: Iterable[str], nodes: Mapping[str, Facts], addresses: Mapping[str, str], port: int) -> list[Facts]:
    """Return name, address and port of every member of a download; `addresses` outrank those of the plan's nodes."""
    return [
        {"name": host, "address": addresses[host] if host in addresses else nodes[host]["address"], "port": port}
        for host in members
    ]


def link_speeds(fabric: Mapping[str, Facts], nodes: Mapping[str, Facts]) -> dict[str, float]:
    """Return the rate (Mbit/s) of the interface that each node uses by the plan, 0 where it is not known."""
    return {host: _speed(facts, nodes.get(host, {}).get("interface")) for host, facts in fabric.items()}


def _speed(facts: Facts, name: str | None) -> float:
    interfaces = facts.get("interfaces", [])
    speed: float = next((interface["speed_mbps"] for interface in interfaces if interface["name"] == name), 0)
    return speed


def models_of_nodes(models: Mapping[str, Iterable[Facts]]) -> list[Facts]:
    """Return the models of all nodes in one list, each with its node."""
    return [{"node": host, **model} for host, found in models.items() for model in found]


def repairs(damage: Mapping[str, Facts], proofs: Mapping[str, Facts]) -> list[Facts]:
    """Return what hashing found on each node; `repaired` where its copy is complete since."""
    return [
        {"node": host, "repaired": not found["complete"] and bool(proofs[host].get("complete", False)), **found}
        for host, found in damage.items()
    ]
