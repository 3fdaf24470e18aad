"""The interfaces of each node, and whether the nodes agree on MTU and routes."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from inferfleet.messages import N_, Message
from inferfleet.planner.fabric.rdma import split_filter
from inferfleet.planner.parsing import maps, number

Interfaces = Mapping[str, Mapping[str, Any]]


def read_interfaces(node: Mapping[str, Any]) -> Interfaces | None:
    """Return the node's interfaces by name; None if they were not gathered."""
    value = node.get("interfaces")
    return {str(i["name"]): i for i in maps(value) if i.get("name")} if isinstance(value, list) else None


def link_gbps(node: Mapping[str, Any], interface: str) -> float:
    """Return the rate of a node's interface in Gbit/s; 0 if not known (in a container, for example)."""
    facts = (read_interfaces(node) or {}).get(interface, {})
    return max(0, number(facts.get("speed_mbps"))) / 1000


def mtu_warnings(nodes: Mapping[str, tuple[Mapping[str, Any], str]]) -> Iterator[Message]:
    """Yield a warning if the nodes' cluster interfaces differ in MTU; `nodes` maps a name to facts and interface.

    TCP and NCCL then use the smaller one, so it works; but a switch that passes small packets may drop large ones, and
    performance then depends on the pair of nodes.
    """
    seen: dict[int, list[tuple[str, str]]] = {}
    for name, (facts, interface) in nodes.items():
        mtu = number((read_interfaces(facts) or {}).get(interface, {}).get("mtu"))
        if mtu > 0:
            seen.setdefault(mtu, []).append((interface, name))
    if len(seen) > 1:
        yield Message(
            "mtu-differs",
            N_(
                "The MTU differs on the cluster network: {shown}. If the switches support it, set it to {largest}"
                " on all nodes (`ip link set {interface} mtu {largest}`, and in the system's network"
                " configuration)."
            ),
            shown=[_with_mtu(mtu, where) for mtu, where in sorted(seen.items())],
            largest=max(seen),
            interface=seen[min(seen)][0][0],
        )


def _with_mtu(mtu: int, where: Sequence[tuple[str, str]]) -> Message:
    places = [Message("", N_("{interface} of {node}"), interface=interface, node=node) for interface, node in where]
    return Message("", N_("{mtu} bytes on {places}"), mtu=mtu, places=places)


def route_warnings(nodes: Mapping[str, tuple[Mapping[str, Any], str]], addresses: Collection[str]) -> Iterator[Message]:
    """Yield a warning for each node that reaches others through another interface than the cluster interface.

    `addresses` are the cluster addresses; routes to other addresses of the nodes do not matter.
    """
    for name, (facts, interface) in nodes.items():
        routes = facts.get("routes")
        if not isinstance(routes, Mapping) or not interface:
            continue
        for peer, route in routes.items():
            other = str(route.get("interface") or "") if isinstance(route, Mapping) else ""
            if peer in addresses and other not in ("", interface, "lo"):
                yield Message(
                    "route-differs",
                    N_(
                        "Host {node} reaches {peer} through {other}, not through its cluster interface {interface}."
                        " Correct its routes (`ip route get {peer}`), or set cluster_address of {node} to the"
                        " address of {other}."
                    ),
                    node=name,
                    peer=peer,
                    other=other,
                    interface=interface,
                )
                break


def match_interface(value: str, name: str) -> bool:
    """Return whether NCCL_SOCKET_IFNAME matches an interface: values are prefixes, `^` excludes, `=` is exact."""
    exclude, exact, names = split_filter(value)
    found = any(name == n if exact else name.startswith(n) for n in names)
    return found != exclude if names else True


def missing_names(names: Sequence[str], interfaces: Interfaces) -> list[str]:
    """Return the names that are not interfaces of the node."""
    return [name for name in names if name not in interfaces]


def addresses_of(facts: Mapping[str, Any]) -> list[str]:
    """Return the IPv4 addresses of an interface."""
    return [str(a) for a in facts["addresses"]] if isinstance(facts.get("addresses"), list) else []
