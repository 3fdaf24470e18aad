"""Health of a node's accelerators by the kernel log and the driver: problems that prevent serving, and warnings."""

from collections.abc import Iterator, Mapping
from typing import Any

from inferfleet.catalog import load_xids
from inferfleet.messages import N_, Message
from inferfleet.planner.parsing import maps, number
from inferfleet.planner.refusals import AcceleratorBusy, AcceleratorsMissing, AcceleratorUnusable, Refusal

_DAY = 86400  # seconds; older log entries may be resolved
_OPEN_SINCE = (5, 12)  # Linux: DMA-BUF for RDMA (docs.nvidia.com, GPU Operator, "GPUDirect RDMA")


def health_problems(name: str, facts: Mapping[str, Any], *, wanted: int, share: float) -> list[Refusal]:
    """Return the problems of a node's accelerators.

    `wanted` is accelerators_per_node (0: all present); `share` is gpu_memory_utilization.
    """
    return [
        *_lost(name, facts, wanted),
        *_xids(name, facts),
        *_held_by_others(name, facts, share),
    ]


def health_warnings(name: str, facts: Mapping[str, Any]) -> Iterator[Message]:
    """Yield warnings from the kernel log and the PCI setup that do not prevent serving."""
    for event, meaning, fatal in _known_events(facts):
        if not fatal or _age(event) > _DAY:
            yield Message(
                "xid",
                N_("The kernel log of {node} reports Xid {xid} on {bus}, {ago}: {meaning}."),
                node=name,
                xid=event["xid"],
                bus=event["bus"],
                ago=_ago(_age(event)),
                meaning=meaning,
            )
    yield from _detours(name, facts)
    if facts.get("rdma") and facts.get("module_version") and not (_peermem(facts) or shares_by_dmabuf(facts)):
        yield Message(
            "gpudirect-off",
            N_(
                "GPUDirect RDMA is off on {node}, so RDMA copies through host memory: the driver is {flavour} and"
                " nvidia_peermem is not loaded. Set nvidia_driver_gpudirect to peermem, or nvidia_driver_flavour to"
                " open."
            ),
            node=name,
            flavour=facts["module_flavour"],
        )


def _detours(name: str, facts: Mapping[str, Any]) -> Iterator[Message]:
    """Yield what routes traffic between accelerators through the CPU (NCCL's docs, "Troubleshooting")."""
    bridges = facts.get("acs_bridges")
    if isinstance(bridges, list) and bridges and len(maps(facts.get("accelerators"))) > 1:
        yield Message(
            "acs-on",
            N_(
                "ACS is enabled on {bridges} PCI bridges of {node}: traffic between accelerators and network cards"
                " passes through the CPU. Disable it in the firmware if the machine runs no virtual machines."
            ),
            bridges=len(bridges),
            node=name,
        )
    if facts.get("iommu") is True and facts.get("rdma"):
        yield Message(
            "iommu-on",
            N_(
                "The IOMMU of {node} is enabled: GPUDirect RDMA may be slow or fail. If the machine runs no virtual"
                " machines, disable it in the firmware, or boot the kernel with iommu=pt."
            ),
            node=name,
        )


def bus_id(address: object) -> str:
    """Return a PCI address as the kernel writes it: `00000000:3B:00.0` → `0000:3b:00.0`."""
    text = str(address).lower()
    domain, colon, rest = text.partition(":")
    return f"{domain[-4:]}{colon}{rest}" if len(domain) > 4 else text


def shares_by_dmabuf(facts: Mapping[str, Any]) -> bool:
    """Return whether the driver shares accelerator memory with RDMA devices without an extra kernel module."""
    release = tuple(int(part) for part in str(facts.get("kernel", "")).split(".")[:2] if part.isdigit())
    return facts.get("module_flavour") == "open" and release >= _OPEN_SINCE


def _peermem(facts: Mapping[str, Any]) -> bool:
    modules = facts.get("modules")
    return isinstance(modules, list) and not {"nvidia_peermem", "nv_peer_mem"}.isdisjoint(modules)


def _lost(name: str, facts: Mapping[str, Any], wanted: int) -> Iterator[Refusal]:
    pci, devices = facts.get("pci"), maps(facts.get("accelerators"))
    on_bus = [bus_id(address) for address in pci.get("accelerators", [])] if isinstance(pci, Mapping) else []
    if not on_bus:
        return
    if not devices:  # no driver yet
        if len(on_bus) < wanted:
            yield AcceleratorsMissing(
                N_("Variable accelerators_per_node is {wanted}, but host {name} has {on_bus} on its PCI bus."),
                N_(
                    "Set accelerators_per_node to {on_bus}, or check the seating and power of the missing accelerators."
                ),
                {"accelerators_per_node": len(on_bus)},
                wanted=wanted,
                name=name,
                on_bus=len(on_bus),
            )
        return
    shown = {bus_id(device.get("bus", "")) for device in devices}
    lost = [address for address in on_bus if address not in shown]
    # With accelerators_per_node set, the working devices are compared with that number instead.
    if lost and not wanted and not shown.isdisjoint(on_bus):
        yield AcceleratorsMissing(
            N_(
                "Host {name} has {on_bus} accelerators on its PCI bus, but its driver lists {there}: {lost} is missing."
            ),
            N_(
                "Read the kernel log of {name} (`dmesg | grep -i nvrm`) and reboot the host; if the accelerator is"
                " still missing, replace it, or set accelerators_per_node to {there}."
            ),
            {"accelerators_per_node": len(devices)},
            name=name,
            on_bus=len(on_bus),
            there=len(devices),
            lost=[*lost],
        )


def _xids(name: str, facts: Mapping[str, Any]) -> Iterator[Refusal]:
    for event, meaning, fatal in _known_events(facts):
        if fatal and _age(event) <= _DAY:
            yield AcceleratorUnusable(
                N_("The kernel log of host {node} reports Xid {xid} on {bus}, {ago}: {meaning}."),
                N_(
                    "Reboot {node}; if the error recurs, replace the accelerator, or remove {node} from this inventory."
                ),
                node=name,
                xid=event["xid"],
                bus=event["bus"],
                ago=_ago(_age(event)),
                meaning=meaning,
            )


def _held_by_others(name: str, facts: Mapping[str, Any], share: float) -> Iterator[Refusal]:
    memory = {str(device.get("index")): number(device.get("memory_mib")) for device in maps(facts.get("accelerators"))}
    foreign = [process for process in maps(facts.get("processes")) if not process.get("ours")]
    for index, total in memory.items():
        held = [process for process in foreign if str(process.get("index")) == index]
        taken = sum(number(process.get("memory_mib")) for process in held)
        # vLLM refuses to start where less than its share of the memory is free (vllm/v1/worker, request_memory).
        left = int(total * (1 - share))
        if total and taken > left:
            largest = max(held, key=lambda process: number(process.get("memory_mib")))
            yield AcceleratorBusy(
                N_(
                    "Accelerator {index} of host {name} is used by {program} (PID {pid}), which does not belong to"
                    " inferfleet: it holds {taken} MiB, but gpu_memory_utilization {share:.2f} leaves {left} MiB to"
                    " other programs."
                ),
                N_("Stop that program on {name}, or remove {name} from this inventory."),
                index=index,
                name=name,
                program=largest.get("name"),
                pid=largest.get("pid"),
                taken=taken,
                share=share,
                left=left,
            )


def _known_events(facts: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Message, bool]]:
    known = load_xids()
    for event in maps(facts.get("events")):
        xid = known.get(number(event.get("xid")))
        if xid and "bus" in event:
            yield event, Message("", xid.meaning), xid.fatal


def _age(event: Mapping[str, Any]) -> int:
    return number(event.get("age_seconds"))


def _ago(seconds: int) -> Message:
    if seconds < 7200:
        return Message("", N_("{n} min ago"), n=seconds // 60)
    if seconds < 2 * _DAY:
        return Message("", N_("{n} h ago"), n=seconds // 3600)
    return Message("", N_("{n} days ago"), n=seconds // _DAY)
