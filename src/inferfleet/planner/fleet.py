"""The nodes in the planner's view: their facts, or what the inventory declares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inferfleet.catalog import Accelerator, UnknownNameError, accelerator_name, load_accelerator, load_accelerators
from inferfleet.messages import N_, Message
from inferfleet.planner.fabric import RdmaPort, choose_address, read_ports
from inferfleet.planner.parsing import maps, number
from inferfleet.planner.refusals import (
    AcceleratorsMissing,
    MixedAccelerators,
    NoAccelerator,
    Refusal,
    UnknownName,
    unknown_name,
)
from inferfleet.settings import Settings

_MEMORY_TOLERANCE = 0.03  # of the memory: how far devices of one kind differ between driver versions


@dataclass(frozen=True)
class Node:
    """One node. Empty or zero means not known (yet)."""

    name: str
    role: str
    address: str
    accelerator: str
    count: int
    memory_mib: tuple[int, ...] = ()
    driver: str = ""
    architecture: str = ""
    interface: str = ""
    ports: tuple[RdmaPort, ...] | None = None
    shm_bytes: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Fleet:
    """All serving nodes, head first, and their model of accelerator."""

    nodes: tuple[Node, ...]
    name: str
    accelerator: Accelerator
    per_node: int
    settings: Settings

    @property
    def size(self) -> int:
        """Number of accelerators."""
        return self.per_node * len(self.nodes)

    @property
    def driver(self) -> str:
        """Version of the driver; empty when not known."""
        return next((node.driver for node in self.nodes if node.driver), "")

    @property
    def architecture(self) -> str:
        """CPU architecture as reported by `uname -m`; empty if not known."""
        return next((node.architecture for node in self.nodes if node.architecture), "")

    @property
    def head(self) -> Node:
        """The node that serves the API."""
        return next((node for node in self.nodes if node.role == "head"), self.nodes[0])


def read_fleet(settings: Settings, nodes: Mapping[str, Mapping[str, Any]]) -> tuple[Fleet | None, list[Refusal]]:
    """Return the fleet and its problems; no fleet if the accelerators are not known."""
    problems: list[Refusal] = []
    read = [_node(str(name), node, settings, problems) for name, node in nodes.items()]
    if any(problem.code == "unknown-name" for problem in problems):
        return None, problems[:1]
    known = [node for node in read if node.accelerator]
    if not known:
        return None, [
            NoAccelerator(
                N_("Variable accelerator is empty and no node has reported an accelerator."),
                N_(
                    "Set accelerator (for example A800-80G) and accelerators_per_node, or make sure that the nodes"
                    " are reachable and their drivers work."
                ),
            )
        ]
    name = known[0].accelerator
    counts = [node.count for node in read if node.count]
    fleet = Fleet(tuple(read), name, load_accelerator(name), min(counts, default=0), settings)
    return fleet, problems


def match_accelerator(product: str, memory_mib: int) -> str | None:
    """Return the catalog name of a driver's product name, None if it is not in the catalog."""
    wanted = product.strip().lower()
    entries = load_accelerators()
    named = [n for n, a in entries.items() if wanted in (p.lower() for p in a.product_names)]
    if (
        not named
    ):  # e.g. "NVIDIA A800-SXM4-80GB MIG" or a board's variant; "NVIDIA A10" is a prefix of an A100's name, too
        begun = {
            n: max((len(p) for p in a.product_names if wanted.startswith(p.lower())), default=0)
            for n, a in entries.items()
        }
        named = [n for n, length in begun.items() if 0 < length == max(begun.values())]
    close = [n for n in named if memory_mib and same_memory(memory_mib, entries[n].memory_mib)]
    return next(iter(close or named), None)


def same_memory(one: int, other: int) -> bool:
    """Return whether two sizes in MiB are those of one kind of device."""
    return abs(one - other) <= _MEMORY_TOLERANCE * max(one, other)


def _node(name: str, node: Mapping[str, Any], settings: Settings, problems: list[Refusal]) -> Node:
    declared = str(node.get("accelerator") or settings.accelerator or "")
    accelerator, count = "", settings.accelerators_per_node
    if declared:
        try:
            declared = accelerator_name(declared)
            entry = load_accelerator(declared)
        except UnknownNameError as error:
            problems.append(unknown_name(error, "accelerator"))
        else:
            accelerator, count = declared, count or entry.per_node
    devices = maps(node.get("accelerators"))
    memory = tuple(size for d in devices if (size := number(d.get("memory_mib"))))
    if devices:
        products = {str(d.get("name", "")) for d in devices}
        found = {product: match_accelerator(product, max(memory, default=0)) for product in products}
        unknown = [product for product, entry_name in found.items() if entry_name is None]
        names = {n for n in found.values() if n}
        if unknown and not declared:
            problems.append(
                UnknownName(
                    N_("Host {name} has accelerators {product!r}, which are not in the catalog."),
                    N_(
                        "Set accelerator to the catalog entry closest in memory and compute capability, or add an"
                        " entry to catalog/accelerators."
                    ),
                    name=name,
                    product=unknown[0],
                )
            )
        if len(names) > 1:
            problems.append(mixed_accelerators(Message("", N_("Host {name} has"), name=name), sorted(names)))
        reported = min(names, default=accelerator)
        if declared and names and declared not in names:
            problems.append(
                MixedAccelerators(
                    N_("Variable accelerator is {declared}, but host {name} has {reported}."),
                    N_("Set accelerator to {reported}, or leave it empty to use what the nodes report."),
                    {"accelerator": reported},
                    declared=declared,
                    name=name,
                    reported=reported,
                )
            )
        wanted = settings.accelerators_per_node
        if wanted > len(devices):
            problems.append(
                AcceleratorsMissing(
                    N_("Variable accelerators_per_node is {wanted}, but host {name} has {there} working accelerators."),
                    N_(
                        "Set accelerators_per_node to {there}, or find the missing ones with `lspci` and in the"
                        " kernel log."
                    ),
                    {"accelerators_per_node": len(devices)},
                    wanted=wanted,
                    name=name,
                    there=len(devices),
                )
            )
        accelerator, count = accelerator or reported, min(wanted, len(devices)) or len(devices)
    address, interface = choose_address(name, node, settings.cluster_network, problems)
    return Node(
        name=name,
        role=str(node.get("role", "worker")),
        address=address,
        accelerator=accelerator,
        count=count,
        memory_mib=memory,
        driver=str(node.get("driver_version") or ""),
        architecture=str(node.get("architecture") or ""),
        interface=interface,
        ports=read_ports(node["rdma"]) if isinstance(node.get("rdma"), list) else None,
        shm_bytes=number(node.get("shm_bytes")),
        facts=node,
    )


def mixed_accelerators(subject: Message, names: Sequence[str]) -> MixedAccelerators:
    """Return the problem of nodes, or of one node, with different kinds of accelerators."""
    return MixedAccelerators(
        N_("{subject} different accelerators: {names}. A tensor-parallel group requires identical ones."),
        N_("Keep the nodes with {first} in this inventory and make another inventory for the rest."),
        subject=subject,
        names=[*names],
        first=names[0],
    )
