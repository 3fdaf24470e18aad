"""What the kernel and the driver say of a node's accelerators that makes a plan for them vain, or doubtful."""

from collections.abc import Iterator, Mapping
from typing import Any

from inferfleet.catalog import load_xids
from inferfleet.messages import N_, Message
from inferfleet.planner.parsing import maps, number
from inferfleet.planner.refusals import AcceleratorBusy, AcceleratorsMissing, AcceleratorUnusable, Refusal

_DAY = 86400  # seconds; what the log told earlier may long be mended
_OPEN_SINCE = (5, 12)  # Linux: DMA-BUF for RDMA (docs.nvidia.com, GPU Operator, "GPUDirect RDMA")


def health_problems(name: str, facts: Mapping[str, Any], *, wanted: int, share: float) -> list[Refusal]:
    """Return what speaks against using a node's accelerators.

    `wanted` is accelerators_per_node (0: all that are there); `share` is gpu_memory_utilization.
    """
    return [
        *_lost(name, facts, wanted),
        *_xids(name, facts),
        *_held_by_others(name, facts, share),
    ]


def health_warnings(name: str, facts: Mapping[str, Any]) -> Iterator[Message]:
    """Yield what the log tells that does not keep the node from serving."""
    for event, meaning, fatal in _known_events(facts):
        if not fatal or _age(event) > _DAY:
            yield Message(
                "xid",
                N_("The kernel log of {node} tells of Xid {xid} on {bus}, {ago}: {meaning}."),
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
                "RDMA on {node} copies through the host's memory: its driver is {flavour} and nvidia_peermem is not"
                " loaded. Set nvidia_driver_gpudirect to peermem, or nvidia_driver_flavour to open."
            ),
            node=name,
            flavour=facts["module_flavour"],
        )


def _detours(name: str, facts: Mapping[str, Any]) -> Iterator[Message]:
    """Yield what sends the traffic between accelerators through the processor (NCCL's docs, "Troubleshooting")."""
    bridges = facts.get("acs_bridges")
    if isinstance(bridges, list) and bridges and len(maps(facts.get("accelerators"))) > 1:
        yield Message(
            "acs-on",
            N_(
                "ACS is on at {bridges} PCI bridges of {node}: accelerators and network cards talk through the"
                " processor. Switch it off in the firmware, on machines that run no virtual ones."
            ),
            bridges=len(bridges),
            node=name,
        )
    if facts.get("iommu") is True and facts.get("rdma"):
        yield Message(
            "iommu-on",
            N_(
                "The IOMMU of {node} is on: GPUDirect RDMA may be slow or fail. Switch it off in the firmware, or pass"
                " iommu=pt to the kernel, on machines that run no virtual ones."
            ),
            node=name,
        )


def bus_id(address: object) -> str:
    """Return a PCI address as the kernel writes it: `00000000:3B:00.0` → `0000:3b:00.0`."""
    text = str(address).lower()
    domain, colon, rest = text.partition(":")
    return f"{domain[-4:]}{colon}{rest}" if len(domain) > 4 else text


def shares_by_dmabuf(facts: Mapping[str, Any]) -> bool:
    """Say whether the driver hands accelerators' memory to RDMA devices without a module of its own."""
    release = tuple(int(part) for part in str(facts.get("kernel", "")).split(".")[:2] if part.isdigit())
    return facts.get("module_flavour") == "open" and release >= _OPEN_SINCE


def _peermem(facts: Mapping[str, Any]) -> bool:
    modules = facts.get("modules")
    return isinstance(modules, list) and not {"nvidia_peermem", "nv_peer_mem"}.isdisjoint(modules)


def _lost(name: str, facts: Mapping[str, Any], wanted: int) -> Iterator[Refusal]:
    pci, devices = facts.get("pci"), maps(facts.get("accelerators"))
    there = [bus_id(address) for address in pci.get("accelerators", [])] if isinstance(pci, Mapping) else []
    if not there:
        return
    if not devices:  # no driver yet
        if len(there) < wanted:
            yield AcceleratorsMissing(
                N_("Variable accelerators_per_node is {wanted}, but host {name} has {on_bus} on its PCI bus."),
                N_("Set accelerators_per_node to {on_bus}, or look at the seat and power of the missing ones."),
                {"accelerators_per_node": len(there)},
                wanted=wanted,
                name=name,
                on_bus=len(there),
            )
        return
    shown = {bus_id(device.get("bus", "")) for device in devices}
    lost = [address for address in there if address not in shown]
    # With a number declared, the devices that work are counted against that.
    if lost and not wanted and not shown.isdisjoint(there):
        yield AcceleratorsMissing(
            N_(
                "Host {name} has {on_bus} accelerators on its PCI bus, but its driver shows {there}: {lost} is missing."
            ),
            N_(
                "Read the kernel log of {name} (`dmesg | grep -i nvrm`) and restart it; where "
                "the accelerator stays away, have it replaced, or set accelerators_per_node to "
                "{there}."
            ),
            {"accelerators_per_node": len(devices)},
            name=name,
            on_bus=len(there),
            there=len(devices),
            lost=[*lost],
        )


def _xids(name: str, facts: Mapping[str, Any]) -> Iterator[Refusal]:
    for event, meaning, fatal in _known_events(facts):
        if fatal and _age(event) <= _DAY:
            yield AcceleratorUnusable(
                N_("The kernel log of host {node} tells of Xid {xid} on {bus}, {ago}: {meaning}."),
                N_(
                    "Restart {node}; where the error comes back, have the accelerator replaced, or take {node} out of"
                    " this inventory."
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
                    "Accelerator {index} of host {name} is used by {program} (process {pid}), which "
                    "is not inferfleet's: {taken} MiB are taken, and gpu_memory_utilization "
                    "{share:.2f} leaves {left} MiB to others."
                ),
                N_("End that program on {name}, or take {name} out of this inventory."),
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
