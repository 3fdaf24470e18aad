"""Read RDMA ports from facts, and select those that ranks use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inferfleet.planner.parsing import maps, number

_SWITCH = ("PIX", "PXB")  # the same PCIe switches: GPUDirect does not pass through the CPU
_SOCKET = ("PHB", "NODE")
ROCE = "Ethernet"
INFINIBAND = "InfiniBand"


@dataclass(frozen=True)
class Gid:
    """One entry of a port's GID table; `address` is its IPv4 address, empty for other kinds."""

    index: int
    version: int  # of RoCE: 1 or 2
    address: str


@dataclass(frozen=True)
class RdmaPort:
    """One port of an RDMA device. Empty or zero means not known."""

    device: str
    port: int = 1
    active: bool = True
    link_layer: str = ""
    rate_gbps: int = 0
    gids: tuple[Gid, ...] | None = None
    virtual: bool = False
    """Whether it is a virtual function (for a guest) of an adapter in this node."""
    affinity: Mapping[str, str] = field(default_factory=dict)
    """Distance to each accelerator by PCI address: PIX, PXB, PHB, NODE or SYS."""

    @property
    def name(self) -> str:
        """The port in NCCL's spelling, for example mlx5_0:1."""
        return f"{self.device}:{self.port}"

    @property
    def usable(self) -> bool:
        """Whether it can carry traffic: it is active and, on Ethernet, has an IPv4 address for RoCE v2."""
        if not self.active:
            return False
        return self.link_layer != ROCE or self.gids is None or any(g.address and g.version == 2 for g in self.gids)

    def near(self, accelerator: str, kinds: Sequence[str]) -> bool:
        """Return whether the distance to an accelerator is one of `kinds`."""
        return self.affinity.get(accelerator, "") in kinds


def read_ports(devices: Any) -> tuple[RdmaPort, ...]:
    """Return the ports in the output of module fabric_facts; incomplete data is tolerated."""
    return tuple(
        RdmaPort(
            device=str(device["name"]),
            port=number(port.get("port")) or 1,
            active="ACTIVE" in str(port.get("state", "")).upper(),
            link_layer=str(port.get("link_layer") or ""),
            rate_gbps=max(0, number(port.get("rate_gbps"))),
            gids=_gids(port.get("gids")),
            virtual=device.get("virtual_function") is True,
            affinity=_affinity(device.get("affinity")),
        )
        for device in maps(devices)
        if device.get("name")
        for port in maps(device.get("ports", [{"state": device.get("state", "ACTIVE")}]))
    )


def _affinity(value: Any) -> dict[str, str]:
    return {str(key): str(kind) for key, kind in value.items()} if isinstance(value, Mapping) else {}


def _gids(table: Any) -> tuple[Gid, ...] | None:
    if not isinstance(table, list):
        return None
    return tuple(
        Gid(
            index=number(entry.get("index")),
            version=2 if "v2" in str(entry.get("type", "")) else 1,
            address=str(entry.get("address") or ""),
        )
        for entry in maps(table)
    )


def choose_ports(ports: Sequence[RdmaPort]) -> tuple[RdmaPort, ...]:
    """Return the ports of one link layer for traffic between ranks, without those for storage and management.

    A port next to an accelerator, on its PCIe switches, belongs to it. An accelerator without such a port uses those
    on its socket, unless one there is selected already: otherwise a failed adapter would select the storage adapter.
    Slower ports are then dropped: NCCL distributes its channels evenly, so the slowest port would be the bottleneck.
    Virtual functions share the link of their adapter, so they are used only if there is no other port.
    """
    usable = [port for port in ports if port.usable]
    usable = [port for port in usable if not port.virtual] or usable
    accelerators = sorted({accelerator for port in usable for accelerator in port.affinity})
    chosen = [port for port in usable if any(port.near(a, _SWITCH) for a in accelerators)]
    for accelerator in accelerators:
        if not any(port.near(accelerator, _SWITCH + _SOCKET) for port in chosen):
            chosen += [port for port in usable if port.near(accelerator, _SOCKET)]
    chosen = [port for port in usable if port in chosen] or usable
    fastest = max((port.rate_gbps for port in chosen), default=0)
    return tuple(port for port in chosen if port.rate_gbps == fastest)


def choose_layer(nodes: Sequence[Sequence[RdmaPort]]) -> str | None:
    """Return the link layer that all nodes have, the one with more bandwidth; None if there is none.

    The bandwidth of a layer is that of the slowest node. Ports of unknown layer count as one layer.
    """
    layers = {port.link_layer for ports in nodes for port in ports if port.usable}
    worth = {
        layer: min(
            sum(max(port.rate_gbps, 1) for port in choose_ports([p for p in ports if p.link_layer == layer]))
            for ports in nodes
        )
        for layer in layers
    }
    shared = {layer: bandwidth for layer, bandwidth in worth.items() if bandwidth}
    return max(shared, key=lambda layer: (shared[layer], layer == INFINIBAND, layer), default=None)


def match_hca(value: str, port: RdmaPort) -> bool:
    """Return whether a value of NCCL_IB_HCA matches a port.

    NCCL's documentation of the variable: prefixes separated by commas, each with an optional `:port`; a leading `^`
    excludes them, a leading `=` (after it) requires exact names.
    """
    exclude, exact, names = split_filter(value)
    found = False
    for name in names:
        device, _, number_ = name.partition(":")
        same = port.device == device if exact else port.device.startswith(device)
        found = found or (same and number_ in ("", str(port.port)))
    return found != exclude if names else True


def split_filter(value: str) -> tuple[bool, bool, list[str]]:
    """Return whether an NCCL filter excludes, whether it requires exact names, and its names."""
    exclude = value.startswith("^")
    rest = value.removeprefix("^")
    exact = rest.startswith("=")
    return exclude, exact, [name for name in rest.removeprefix("=").split(",") if name]
