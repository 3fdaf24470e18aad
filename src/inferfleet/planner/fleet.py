"""The nodes as the planner sees them: what they report, or what the inventory declares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inferfleet.catalog import Accelerator, UnknownNameError, accelerator_name, load_accelerator, load_accelerators
from inferfleet.messages import N_, Message
from inferfleet.planner.fabric import RdmaPort, cluster_interface, read_ports
from inferfleet.planner.health import health_problems
from inferfleet.planner.parsing import maps, number
from inferfleet.planner.refusals import (
    AcceleratorsMissing,
    AcceleratorUnusable,
    FabricManagerMissing,
    MixedAccelerators,
    MixedArchitectures,
    MixedDrivers,
    MixedMemory,
    ModelPathDiffers,
    NoAccelerator,
    Refusal,
    ShmTooSmall,
    UnequalCounts,
    UnknownName,
    unknown_name,
)
from inferfleet.settings import Settings
from inferfleet.versions import version_key

_MEMORY_TOLERANCE = 0.03  # of the memory: how far devices of one kind differ between driver versions
_SHM_BYTES_PER_RANK = 1 << 30  # NCCL's and the executor's shared memory; NVIDIA's images ask for 1 GiB
_NVIDIA_FABRIC_OK = ("Completed", "N/A", "Not Supported", "")


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
    """All serving nodes, head first, and the one kind of accelerator they have."""

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
        """Processor architecture as `uname -m` says it; empty when not known."""
        return next((node.architecture for node in self.nodes if node.architecture), "")

    @property
    def head(self) -> Node:
        """The node that serves the API."""
        return next((node for node in self.nodes if node.role == "head"), self.nodes[0])


def read_fleet(settings: Settings, nodes: Mapping[str, Mapping[str, Any]]) -> tuple[Fleet | None, list[Refusal]]:
    """Return the fleet and what its nodes cannot be read for; no fleet when their accelerators are not known."""
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
                    "Set accelerator (for example A800-80G) and accelerators_per_node, or let the "
                    "nodes be reached and their drivers answer."
                ),
            )
        ]
    name = known[0].accelerator
    counts = [node.count for node in read if node.count]
    fleet = Fleet(tuple(read), name, load_accelerator(name), min(counts, default=0), settings)
    return fleet, problems


def match_accelerator(product: str, memory_mib: int) -> str | None:
    """Return the catalog's name for a product as its driver calls it, None when there is none."""
    wanted = product.strip().lower()
    entries = load_accelerators()
    named = [n for n, a in entries.items() if wanted in (p.lower() for p in a.product_names)]
    if not named:  # e.g. "NVIDIA A800-SXM4-80GB MIG" or a board's variant; "NVIDIA A10" begins an A100's name, too
        begun = {
            n: max((len(p) for p in a.product_names if wanted.startswith(p.lower())), default=0)
            for n, a in entries.items()
        }
        named = [n for n, length in begun.items() if 0 < length == max(begun.values())]
    close = [n for n in named if memory_mib and _same(memory_mib, entries[n].memory_mib)]
    return next(iter(close or named), None)


def _same(one: int, other: int) -> bool:
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
                    N_("Host {name} has accelerators {product!r}, which the catalog does not have."),
                    N_(
                        "Set accelerator to the catalog's entry that is nearest in memory and compute "
                        "capability, or add one to catalog/accelerators."
                    ),
                    name=name,
                    product=unknown[0],
                )
            )
        if len(names) > 1:
            problems.append(_mixed(Message("", N_("Host {name} has"), name=name), sorted(names)))
        reported = min(names, default=accelerator)
        if declared and names and declared not in names:
            problems.append(
                MixedAccelerators(
                    N_("Variable accelerator is {declared}, but host {name} has {reported}."),
                    N_("Set accelerator to {reported}, or leave it empty to take what the nodes report."),
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
                    N_("Variable accelerators_per_node is {wanted}, but host {name} has {there} that work."),
                    N_(
                        "Set accelerators_per_node to {there}, or look for the missing ones with `lspci` "
                        "and in the kernel log."
                    ),
                    {"accelerators_per_node": len(devices)},
                    wanted=wanted,
                    name=name,
                    there=len(devices),
                )
            )
        accelerator, count = accelerator or reported, min(wanted, len(devices)) or len(devices)
    return Node(
        name=name,
        role=str(node.get("role", "worker")),
        address=str(node.get("address", "")),
        accelerator=accelerator,
        count=count,
        memory_mib=memory,
        driver=str(node.get("driver_version") or ""),
        architecture=str(node.get("architecture") or ""),
        interface=cluster_interface(name, node, settings.cluster_network, problems),
        ports=read_ports(node["rdma"]) if isinstance(node.get("rdma"), list) else None,
        shm_bytes=number(node.get("shm_bytes")),
        facts=node,
    )


def _mixed(subject: Message, names: Sequence[str]) -> MixedAccelerators:
    return MixedAccelerators(
        N_("{subject} different accelerators: {names}. One tensor-parallel group needs equal ones."),
        N_("Keep the nodes with {first} in this inventory and make another inventory for the rest."),
        subject=subject,
        names=[*names],
        first=names[0],
    )


def _at(value: object, node: str) -> Message:
    return Message("", N_("{value} on {node}"), value=value, node=node)


def check_answers(fleet: Fleet) -> list[Refusal]:
    """Every node reports accelerators, where one does."""
    silent = _silent(fleet)
    if not silent:
        return []
    return [
        AcceleratorsMissing(
            N_("Host {nodes} reports no accelerator, while others do."),
            N_("Check the driver there, or take {first} out of ray_head and ray_worker."),
            nodes=[*silent],
            first=silent[0],
        )
    ]


def check_models(fleet: Fleet) -> list[Refusal]:
    """All nodes have accelerators of one model."""
    names = _names(fleet)
    if len(names) < 2:
        return []
    where = [_at(n, next(x.name for x in fleet.nodes if x.accelerator == n)) for n in names]
    return [_mixed(Message("", N_("The nodes ({where}) have"), where=where), names)]


def check_counts(fleet: Fleet) -> list[Refusal]:
    """All nodes have as many accelerators; where some are missing, that is reported instead."""
    counts = {node.count: node.name for node in fleet.nodes if node.accelerator}
    wanted = fleet.settings.accelerators_per_node
    lacking = any(0 < len(maps(node.facts.get("accelerators"))) < wanted for node in fleet.nodes)
    if len(counts) < 2 or lacking or _silent(fleet):
        return []
    return [
        UnequalCounts(
            N_("The nodes differ in their number of accelerators: {shown}."),
            N_("Set accelerators_per_node to {least}, which every node has, or repair the node with fewer."),
            {"accelerators_per_node": min(counts)},
            shown=[_at(count, name) for count, name in sorted(counts.items())],
            least=min(counts),
        )
    ]


def check_memory(fleet: Fleet) -> list[Refusal]:
    """Accelerators of one model have the same memory."""
    sizes = [(size, node.name) for node in fleet.nodes if node.accelerator for size in node.memory_mib]
    if len(_names(fleet)) > 1 or not sizes or _same(min(sizes)[0], max(sizes)[0]):
        return []
    low, high = min(sizes), max(sizes)
    return [
        MixedMemory(
            N_("Accelerators differ in memory: {low} MiB on {smaller}, {high} MiB on {larger}."),
            N_("Take {smaller} out of this inventory, or check it: memory may be retired or taken by MIG."),
            low=low[0],
            smaller=low[1],
            high=high[0],
            larger=high[1],
        )
    ]


def check_drivers(fleet: Fleet) -> list[Refusal]:
    """All nodes have one version of the driver."""
    drivers = {node.driver: node.name for node in fleet.nodes if node.accelerator and node.driver}
    if len(drivers) < 2:
        return []
    return [
        MixedDrivers(
            N_("The nodes differ in their driver: {shown}. NCCL and the image then behave differently."),
            N_("Install driver {newest} on every node."),
            shown=[_at(driver, name) for driver, name in sorted(drivers.items())],
            newest=max(drivers, key=version_key),
        )
    ]


def check_processors(fleet: Fleet) -> list[Refusal]:
    """All nodes have processors of one architecture."""
    kinds = {node.architecture: node.name for node in fleet.nodes if node.accelerator and node.architecture}
    if len(kinds) < 2:
        return []
    return [
        MixedArchitectures(
            N_("The nodes differ in their processor: {shown}. One image serves all of them."),
            N_("Make one inventory for each architecture."),
            shown=[_at(kind, name) for kind, name in sorted(kinds.items())],
        )
    ]


def check_devices(fleet: Fleet) -> list[Refusal]:
    """No accelerator is divided or has lost memory, and the fabric manager is that of the driver."""
    return [problem for node in fleet.nodes for problem in _node_problems(node)]


def check_health(fleet: Fleet) -> list[Refusal]:
    """Every accelerator of the PCI bus works, by the kernel's log too, and is free."""
    wanted, share = fleet.settings.accelerators_per_node, fleet.settings.gpu_memory_utilization
    return [
        problem
        for node in fleet.nodes
        for problem in health_problems(node.name, node.facts, wanted=wanted, share=share)
    ]


def check_model_roots(fleet: Fleet) -> list[Refusal]:
    """The weights are at one path on every node."""
    roots = {str(node.facts.get("model_root") or fleet.settings.model_root): node.name for node in fleet.nodes}
    if len(roots) < 2:
        return []
    return [
        ModelPathDiffers(
            N_("Variable model_root differs between hosts: {shown}. Every rank opens the same path."),
            N_("Set model_root once, in group_vars/all/10_cluster.yml; link it to each host's disk where they differ."),
            shown=[_at(root, name) for root, name in sorted(roots.items())],
        )
    ]


def _silent(fleet: Fleet) -> list[str]:
    return [node.name for node in fleet.nodes if not node.accelerator]


def _names(fleet: Fleet) -> list[str]:
    return sorted({node.accelerator for node in fleet.nodes if node.accelerator})


def _node_problems(node: Node) -> list[Refusal]:
    problems: list[Refusal] = []
    facts = node.facts
    for device in maps(facts.get("accelerators")):
        index = device.get("index", "?")
        if str(device.get("mig", "")).lower() == "enabled":
            problems.append(
                AcceleratorUnusable(
                    N_("Accelerator {index} of host {node} is divided by MIG."),
                    N_("Run `nvidia-smi -i {index} -mig 0` on {node} and reset the device."),
                    index=index,
                    node=node.name,
                )
            )
        if number(device.get("ecc_uncorrectable")) > 0:
            problems.append(
                AcceleratorUnusable(
                    N_("Accelerator {index} of host {node} reports {errors} uncorrectable memory errors."),
                    N_("Have the device replaced, or take {node} out of this inventory."),
                    index=index,
                    node=node.name,
                    errors=device["ecc_uncorrectable"],
                )
            )
        state = str(device.get("fabric_state") or "")
        if state not in _NVIDIA_FABRIC_OK:
            problems.append(
                FabricManagerMissing(
                    N_(
                        "Accelerator {index} of host {node} has NVSwitch fabric state {state!r}: no "
                        "fabric manager has set it up."
                    ),
                    N_("Install nvidia-fabricmanager of the driver's version ({driver}) on {node} and start it."),
                    index=index,
                    node=node.name,
                    state=state,
                    driver=node.driver or Message("", N_("see nvidia-smi")),
                )
            )
            break
    manager = facts.get("fabric_manager_version")
    if manager and node.driver and manager != node.driver:
        problems.append(
            FabricManagerMissing(
                N_("Host {node} has fabric manager {manager}, but driver {driver}."),
                N_("Install nvidia-fabricmanager {driver} on {node}: the two must be of one version."),
                node=node.name,
                manager=manager,
                driver=node.driver,
            )
        )
    return problems


def shm_problems(fleet: Fleet) -> list[Refusal]:
    """Return what speaks against each node's /dev/shm, where its size is known."""
    if fleet.accelerator.vendor == "cpu":
        return []
    needed = _SHM_BYTES_PER_RANK * fleet.per_node
    return [
        ShmTooSmall(
            N_("Host {node} has {size:.1f} GiB in /dev/shm, but {per_node} ranks need {needed:.0f} GiB."),
            N_("Mount it larger on {node}: `mount -o remount,size={needed_gib}G /dev/shm`, and in /etc/fstab."),
            node=node.name,
            size=node.shm_bytes / 2**30,
            per_node=fleet.per_node,
            needed=needed / 2**30,
            needed_gib=needed // 2**30,
        )
        for node in fleet.nodes
        if 0 < node.shm_bytes < needed
    ]
