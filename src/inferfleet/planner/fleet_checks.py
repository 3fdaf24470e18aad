"""Check that the nodes of a fleet are identical and their devices are healthy."""

from collections.abc import Mapping

from inferfleet.inventory.model import is_ipv4
from inferfleet.messages import N_, Message
from inferfleet.planner.fleet import Fleet, Node, mixed_accelerators, same_memory
from inferfleet.planner.health import health_problems
from inferfleet.planner.parsing import maps, number
from inferfleet.planner.refusals import (
    AcceleratorsMissing,
    AcceleratorUnusable,
    FabricManagerMissing,
    MixedArchitectures,
    MixedDrivers,
    MixedMemory,
    ModelPathDiffers,
    Refusal,
    SharedAddress,
    ShmTooSmall,
    UnequalCounts,
)
from inferfleet.versions import version_key

_SHM_BYTES_PER_RANK = 1 << 30  # NCCL's and the executor's shared memory; NVIDIA's images require 1 GiB
_NVIDIA_FABRIC_OK = ("Completed", "N/A", "Not Supported", "")


def _at(value: object, node: str) -> Message:
    return Message("", N_("{value} on {node}"), value=value, node=node)


def check_answers(fleet: Fleet) -> list[Refusal]:
    """Require that every node reports accelerators if one does."""
    silent = _silent(fleet)
    if not silent:
        return []
    return [
        AcceleratorsMissing(
            N_("Host {nodes} reports no accelerator, while others do."),
            N_("Check the driver there, or remove {first} from ray_head and ray_worker."),
            nodes=[*silent],
            first=silent[0],
        )
    ]


def check_node_addresses(fleet: Fleet) -> list[Refusal]:
    """Refuse nodes with the same address on the cluster network."""
    by_address: dict[str, list[str]] = {}
    for node in fleet.nodes:
        by_address.setdefault(node.address, []).append(node.name)
    return [
        SharedAddress(
            N_("Hosts {hosts} and {last} have the same address {address} on the cluster network."),
            N_("Set cluster_address of each host, or cluster_network to read the addresses from the nodes."),
            hosts=hosts[:-1],
            last=hosts[-1],
            address=address,
        )
        for address, hosts in by_address.items()
        if len(hosts) > 1 and is_ipv4(address)
    ]


def check_models(fleet: Fleet) -> list[Refusal]:
    """Require the same model of accelerator on all nodes."""
    names = _names(fleet)
    if len(names) < 2:
        return []
    where = [_at(n, next(x.name for x in fleet.nodes if x.accelerator == n)) for n in names]
    return [mixed_accelerators(Message("", N_("The nodes ({where}) have"), where=where), names)]


def check_counts(fleet: Fleet) -> list[Refusal]:
    """Require the same number of accelerators on all nodes; missing accelerators are reported by another check."""
    counts = {node.count: node.name for node in fleet.nodes if node.accelerator}
    wanted = fleet.settings.accelerators_per_node
    lacking = any(0 < len(maps(node.facts.get("accelerators"))) < wanted for node in fleet.nodes)
    if len(counts) < 2 or lacking or _silent(fleet):
        return []
    return [
        UnequalCounts(
            N_("The nodes have different numbers of accelerators: {shown}."),
            N_("Set accelerators_per_node to {least}, which every node has, or repair the node with fewer."),
            {"accelerators_per_node": min(counts)},
            shown=[_at(count, name) for count, name in sorted(counts.items())],
            least=min(counts),
        )
    ]


def check_memory(fleet: Fleet) -> list[Refusal]:
    """Require the same memory of all accelerators."""
    sizes = [(size, node.name) for node in fleet.nodes if node.accelerator for size in node.memory_mib]
    if len(_names(fleet)) > 1 or not sizes or same_memory(min(sizes)[0], max(sizes)[0]):
        return []
    low, high = min(sizes), max(sizes)
    return [
        MixedMemory(
            N_("Accelerators differ in memory: {low} MiB on {smaller}, {high} MiB on {larger}."),
            N_("Remove {smaller} from this inventory, or check it: memory may be retired or in use by MIG."),
            low=low[0],
            smaller=low[1],
            high=high[0],
            larger=high[1],
        )
    ]


def check_drivers(fleet: Fleet) -> list[Refusal]:
    """Require the same driver version on all nodes."""
    drivers = {node.driver: node.name for node in fleet.nodes if node.accelerator and node.driver}
    if len(drivers) < 2:
        return []
    return [
        MixedDrivers(
            N_("The nodes have different driver versions: {shown}. NCCL and the image may then behave differently."),
            N_("Install driver {newest} on every node."),
            shown=[_at(driver, name) for driver, name in sorted(drivers.items())],
            newest=max(drivers, key=version_key),
        )
    ]


def check_processors(fleet: Fleet) -> list[Refusal]:
    """Require the same CPU architecture on all nodes."""
    kinds = {node.architecture: node.name for node in fleet.nodes if node.accelerator and node.architecture}
    if len(kinds) < 2:
        return []
    return [
        MixedArchitectures(
            N_("The nodes have different CPU architectures: {shown}. All nodes must use the same image."),
            N_("Make one inventory for each architecture."),
            shown=[_at(kind, name) for kind, name in sorted(kinds.items())],
        )
    ]


def check_devices(fleet: Fleet) -> list[Refusal]:
    """Refuse accelerators with MIG or memory errors, and a fabric manager that does not match the driver."""
    return [problem for node in fleet.nodes for problem in _node_problems(node)]


def check_health(fleet: Fleet) -> list[Refusal]:
    """Require that every accelerator on the PCI bus works, has no fatal error in the kernel log, and is idle."""
    wanted, share = fleet.settings.accelerators_per_node, fleet.settings.gpu_memory_utilization
    return [
        problem
        for node in fleet.nodes
        for problem in health_problems(node.name, node.facts, wanted=wanted, share=share)
    ]


def check_model_roots(fleet: Fleet) -> list[Refusal]:
    """Require the same path of the weights on every node."""
    roots = {str(node.facts.get("model_root") or fleet.settings.model_root): node.name for node in fleet.nodes}
    if len(roots) < 2:
        return []
    return [
        ModelPathDiffers(
            N_("Variable model_root differs between hosts: {shown}. All ranks must use the same path."),
            N_(
                "Set model_root once, in group_vars/all/10_cluster.yml; use symbolic links if the disks of the hosts"
                " differ."
            ),
            shown=[_at(root, name) for root, name in sorted(roots.items())],
        )
    ]


def _silent(fleet: Fleet) -> list[str]:
    """Return the nodes without accelerators: with no model, or with empty facts while another node reports some."""
    reported = {node.name: _reported(node) for node in fleet.nodes}
    empty = [name for name, count in reported.items() if count == 0 and any(reported.values())]
    return [node.name for node in fleet.nodes if not node.accelerator or node.name in empty]


def _reported(node: Node) -> int | None:
    """Return the number of accelerators that the driver or the PCI bus of a node shows; None if not known."""
    pci = node.facts.get("pci")
    on_bus = pci.get("accelerators") if isinstance(pci, Mapping) else None
    counts = [len(items) for items in (node.facts.get("accelerators"), on_bus) if isinstance(items, list)]
    return max(counts, default=None)


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
                    N_("Accelerator {index} of host {node} is partitioned by MIG."),
                    N_("Run `nvidia-smi -i {index} -mig 0` on {node} and reset the device."),
                    index=index,
                    node=node.name,
                )
            )
        if number(device.get("ecc_uncorrectable")) > 0:
            problems.append(
                AcceleratorUnusable(
                    N_("Accelerator {index} of host {node} reports {errors} uncorrectable memory errors."),
                    N_("Replace the device, or remove {node} from this inventory."),
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
                        "Accelerator {index} of host {node} has NVSwitch fabric state {state!r}: it is not"
                        " initialized by a fabric manager."
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
                N_("Install nvidia-fabricmanager {driver} on {node}: the versions must match."),
                node=node.name,
                manager=manager,
                driver=node.driver,
            )
        )
    return problems


def shm_problems(fleet: Fleet) -> list[Refusal]:
    """Return the nodes whose /dev/shm is too small, if its size is known."""
    if fleet.accelerator.vendor == "cpu":
        return []
    needed = _SHM_BYTES_PER_RANK * fleet.per_node
    return [
        ShmTooSmall(
            N_("Host {node} has {size:.1f} GiB in /dev/shm, but {per_node} ranks require {needed:.0f} GiB."),
            N_(
                "Increase it on {node}: `mount -o remount,size={needed_gib}G /dev/shm`, and persistently in /etc/fstab."
            ),
            node=node.name,
            size=node.shm_bytes / 2**30,
            per_node=fleet.per_node,
            needed=needed / 2**30,
            needed_gib=needed // 2**30,
        )
        for node in fleet.nodes
        if 0 < node.shm_bytes < needed
    ]
