"""The address and the interface of each node on the cluster network, chosen together."""

from collections.abc import Mapping, Sequence
from typing import Any

from inferfleet.inventory.model import is_ipv4
from inferfleet.messages import N_, Message
from inferfleet.planner.fabric.gids import within
from inferfleet.planner.fabric.interfaces import addresses_of, read_interfaces
from inferfleet.planner.refusals import InterfaceMissing, Refusal

_Held = tuple[str, str]  # an interface and one of its addresses


def choose_address(name: str, node: Mapping[str, Any], network: str, problems: list[Refusal]) -> tuple[str, str]:
    """Return the node's address on the cluster network, and the interface that holds it.

    The address is `cluster_address` if it is set. Otherwise it is an address of `cluster_interface`, of an interface in
    `network`, or `ansible_host`, which is preferred if it is among several. Before the node reports its interfaces, the
    address may be a placeholder (`is_ipv4` is False) and the interface empty. If the reported interfaces do not match,
    a problem is added.
    """
    declared, given = str(node.get("address", "")), str(node.get("interface") or "")
    fixed = bool(node.get("cluster_address"))
    interfaces = read_interfaces(node)
    if interfaces is None:
        known = fixed or (is_ipv4(declared) and (not network or within(declared, network)))
        return declared if known else f"<address of {name}>", given
    if given and given not in interfaces:
        problems.append(_no_interface(name, given, [*interfaces]))
        return declared, ""
    every = [(interface, address) for interface, facts in interfaces.items() for address in addresses_of(facts)]
    held = [(interface, address) for interface, address in every if given in ("", interface)]
    own = [(interface, address) for interface, address in held if address == declared]
    if fixed or not (network or given):
        chosen = own[:1]
    else:
        inside = [(interface, address) for interface, address in held if not network or within(address, network)]
        chosen = [item for item in own if item in inside][:1] or inside
    if len({interface for interface, _ in chosen}) == 1:
        interface, address = chosen[0]  # the kernel lists an interface's primary address first
        return address, interface
    if chosen:
        problems.append(_several(name, network, chosen))
    elif fixed or not (network or given):
        problems.append(_no_address(name, declared, given, every, fixed=fixed))
    else:
        problems.append(_outside(name, network, given, every))
    return declared, ""


def _no_interface(name: str, given: str, interfaces: Sequence[str]) -> Refusal:
    return InterfaceMissing(
        N_("Variable cluster_interface of {name} is {given}, which the host does not have; it has {found}."),
        N_("Set cluster_interface of {name} to one of them, or remove it to select the interface by address."),
        name=name,
        given=given,
        found=[*interfaces],
    )


def _no_address(name: str, wanted: str, given: str, held: Sequence[_Held], *, fixed: bool) -> Refusal:
    template = N_("Host {name} has no interface with the address {wanted}; it has {addresses}.")
    if given:
        template = N_(
            "Variable cluster_interface of {name} is {given}, which does not have cluster_address {wanted}; the host"
            " has {addresses}."
        )
    remedy = N_("Set cluster_network to the network for Ray and NCCL, or cluster_address of {name} to its address.")
    if fixed:
        remedy = N_("Set cluster_address of {name} to one of these addresses.")
    return InterfaceMissing(template, remedy, name=name, given=given, wanted=wanted, addresses=_shown(held))


def _outside(name: str, network: str, given: str, held: Sequence[_Held]) -> Refusal:
    template = N_("Host {name} has no address in cluster_network {network}; it has {addresses}.")
    if given and network:
        template = N_(
            "Variable cluster_interface of {name} is {given}, which has no address in cluster_network {network}; the"
            " host has {addresses}."
        )
    elif given:
        template = N_(
            "Variable cluster_interface of {name} is {given}, which has no IPv4 address; the host has {addresses}."
        )
    remedy = N_("Set cluster_network to the network for Ray and NCCL, or correct the addresses of {name}.")
    if given:
        remedy = N_("Set cluster_interface of {name} to the interface for Ray and NCCL, or remove it.")
    return InterfaceMissing(template, remedy, name=name, given=given, network=network, addresses=_shown(held))


def _several(name: str, network: str, held: Sequence[_Held]) -> Refusal:
    return InterfaceMissing(
        N_("Host {name} has several interfaces in cluster_network {network}: {addresses}."),
        N_("Set cluster_interface of {name} to the interface for Ray and NCCL."),
        name=name,
        network=network,
        addresses=_shown(held),
    )


def _shown(held: Sequence[_Held]) -> list[str | Message]:
    return [f"{address} ({interface})" for interface, address in held] or [Message("", N_("none"))]
