"""Derive the network configuration of NCCL, Gloo and the containers from the nodes' facts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inferfleet.messages import N_, Message
from inferfleet.planner.fabric.gids import gid_index
from inferfleet.planner.fabric.interfaces import link_gbps, mtu_warnings, route_warnings
from inferfleet.planner.fabric.node import Member, NodeFabric
from inferfleet.planner.fabric.overrides import env_overrides, forces_tcp, port_overrides
from inferfleet.planner.fabric.rdma import ROCE, RdmaPort, choose_layer, choose_ports
from inferfleet.planner.refusals import Refusal
from inferfleet.settings import Settings

_NCCL = ("nvidia", "amd")  # vendors whose ranks use NCCL (RCCL reads the same variables)


@dataclass(frozen=True)
class Fabric:
    """Network of the nodes; `transport` is rdma or tcp, empty if not known or with a single node."""

    transport: str
    nodes: Mapping[str, NodeFabric]
    vendor: str
    warnings: tuple[Message, ...] = field(default=())

    @property
    def uses_rdma(self) -> bool:
        """Whether containers need access to RDMA devices."""
        return any(node.ports for node in self.nodes.values())

    def env(self, name: str) -> dict[str, str]:
        """Return the environment of a node's containers, without the address, which not every engine reads."""
        node, env = self.nodes[name], {}
        if node.interface:
            if self.vendor == "ascend":
                env["HCCL_SOCKET_IFNAME"] = node.interface
            elif self.vendor != "vastai":
                env["NCCL_SOCKET_IFNAME"] = f"={node.interface}"  # without `=`, eth1 would match eth10 as well
            env["GLOO_SOCKET_IFNAME"] = node.interface  # Gloo matches exact names only
        if self.vendor not in _NCCL:
            return env
        if node.ports:
            env["NCCL_IB_HCA"] = "=" + ",".join(node.rdma)
        if node.gid_index is not None:
            env["NCCL_IB_GID_INDEX"] = str(node.gid_index)
        if self.transport == "tcp":
            env["NCCL_IB_DISABLE"] = "1"
        return env


def derive_fabric(
    settings: Settings, members: Sequence[Member], vendor: str, *, nccl_chooses_gid: bool = True
) -> tuple[Fabric, list[Refusal]]:
    """Return the network of the nodes, and the problems of the user's network settings.

    `nccl_chooses_gid`: whether the image's NCCL selects the GID table entry itself (2.21 or later).
    """
    problems: list[Refusal] = []
    rdma: Mapping[str, tuple[RdmaPort, ...]] = {}
    transport, warnings = "", list[Message]()
    if len(members) > 1 and vendor in _NCCL:
        rdma, transport, warnings = _rdma(members, problems)
    networks = settings.cluster_network
    nodes = {}
    for member in members:
        ports = rdma.get(member.name, ())
        near = [network for network in (networks, member.address) if network]
        rate = sum(port.rate_gbps for port in ports) if ports else link_gbps(member.facts, member.interface)
        index = gid_index(ports, near, chooses=nccl_chooses_gid)
        nodes[member.name] = NodeFabric(member.interface, ports, index, rate)
    if len(members) > 1:
        faces = {m.name: (m.facts, m.interface) for m in members}
        warnings += [*mtu_warnings(faces), *route_warnings(faces, [member.address for member in members])]
    found, advice = env_overrides(settings.engine_extra_env, members, nodes, transport)
    return Fabric(transport, nodes, vendor, (*warnings, *advice)), [*problems, *found]


def _rdma(
    members: Sequence[Member], problems: list[Refusal]
) -> tuple[dict[str, tuple[RdmaPort, ...]], str, list[Message]]:
    """Return the RDMA ports of each node, the resulting transport, and warnings."""
    if any(forces_tcp(member.facts) for member in members):
        return {}, "tcp", []
    given = {m.name: port_overrides(m.name, m.facts, m.ports, problems) for m in members}
    either = {m.name: m.ports if given[m.name] is None else given[m.name] for m in members}
    known = {name: ports for name, ports in either.items() if ports is not None}
    if len(known) < len(members):
        return {name: ports for name, ports in given.items() if ports}, "", []
    without = [name for name, ports in known.items() if not any(port.usable for port in ports)]
    layer = None if without else choose_layer(list(known.values()))
    if layer is None:
        return {}, "tcp", _no_rdma(known, without)
    chosen = {
        name: given[name] or choose_ports([port for port in ports if port.link_layer == layer])
        for name, ports in known.items()
    }
    return chosen, "rdma", [*_uneven(chosen), *_idle(members, chosen, given)]


def _no_rdma(usable: Mapping[str, Sequence[RdmaPort]], without: Sequence[str]) -> list[Message]:
    able = [name for name in usable if name not in without]
    if not without:
        return [
            Message(
                "no-common-link-layer",
                N_(
                    "The nodes have RDMA devices, but no common link layer (InfiniBand on some, Ethernet on"
                    " others): NCCL uses TCP. Use the same link layer on all nodes."
                ),
            )
        ]
    if not able:
        return []
    return [
        Message(
            "rdma-on-some",
            N_(
                "{able} could use RDMA, but {without} has no usable RDMA port: NCCL uses TCP on all nodes. Check"
                " `rdma link` on {first}: ports must be ACTIVE and, on Ethernet, have an IPv4 address."
            ),
            able=able,
            without=[*without],
            first=without[0],
        )
    ]


def _uneven(chosen: Mapping[str, Sequence[RdmaPort]]) -> list[Message]:
    rates = {name: (len(ports), sum(port.rate_gbps for port in ports)) for name, ports in chosen.items()}
    if len(set(rates.values())) < 2:
        return []
    shown = [
        Message("", N_("{count} ({rate} Gbit/s) on {node}"), count=count, rate=rate, node=name)
        for name, (count, rate) in rates.items()
    ]
    template = N_("The nodes differ in their RDMA ports: {shown}. The node with the least bandwidth is the bottleneck.")
    return [Message("rdma-uneven", template, shown=shown)]


def _idle(
    members: Sequence[Member], chosen: Mapping[str, Sequence[RdmaPort]], given: Mapping[str, Any]
) -> list[Message]:
    """Return warnings about unusable RDMA ports next to accelerators."""
    found = []
    for member in members:
        layers = {port.link_layer for port in chosen[member.name]}
        for port in member.ports or () if given[member.name] is None else ():
            adjacent = [a for a in port.affinity if port.near(a, ("PIX", "PXB"))]
            if adjacent and not port.usable and not port.virtual and port.link_layer in layers:
                no_address = port.active and port.link_layer == ROCE
                found.append(
                    Message(
                        "rdma-port-idle",
                        N_(
                            "RDMA port {port} of {node}, next to accelerator {accelerator}, {why}: its traffic uses"
                            " the other ports. Check its cable and `rdma link`."
                        ),
                        port=port.name,
                        node=member.name,
                        accelerator=adjacent[0],
                        why=Message("", N_("has no IPv4 address") if no_address else N_("is not active")),
                    )
                )
    return found
