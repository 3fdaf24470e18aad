"""Addresses that connections of the cluster's hosts come from."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from inferfleet.components import GROUPS
from inferfleet.messages import N_, Problem

_OF_CONTAINERS = ("br-", "cali", "cni", "docker", "flannel", "veth", "virbr")
"""Prefixes of interfaces that connect a host with its own containers and virtual machines."""


def node_addresses(
    hosts: Mapping[str, Mapping[str, Any]], groups: Mapping[str, Sequence[str]], plans: Iterable[Mapping[str, Any]]
) -> dict[str, list[str]]:
    """Return the addresses of each host of the components' groups.

    `hosts` are the variables of each host with its facts, `plans` the plans in JSON form. These are the addresses on
    the cluster network, those under which the hosts are reached, and all of their own interfaces: a host may be reached
    under an address that it does not connect from.
    """
    planned: dict[str, list[str]] = {}
    for plan in plans:
        for host, node in plan["nodes"].items():
            planned.setdefault(host, []).append(node["address"])
    found = {}
    for host in dict.fromkeys(host for group in GROUPS for host in groups.get(group, ())):
        variables = hosts[host]
        declared = [variables.get(key) for key in ("cluster_address", "ansible_host")]
        found[host] = _addresses([*planned.get(host, ()), *declared, host, *_of_interfaces(variables)])
    return found


def unknown_addresses(addresses: Mapping[str, Collection[str]]) -> list[Problem]:
    """Return the problem that the rules would close the nodes to hosts whose addresses are not known."""
    unknown = [host for host, known in addresses.items() if not known]
    if not unknown or len(addresses) == 1:
        return []
    return [
        Problem(
            "address-unknown",
            N_("The node firewall would close the nodes to {hosts}: their addresses are not known in this run."),
            N_("Set cluster_address of each host, or run without --limit."),
            hosts=unknown,
        )
    ]


def _addresses(values: Iterable[object]) -> list[str]:
    """Return those values that are addresses, other than of loopback, each once."""
    addresses = []
    for value in values:
        try:
            address = ip_address(str(value or "").partition("%")[0])  # without the zone of a link-local address
        except ValueError:
            continue
        if not address.is_loopback and not address.is_unspecified:
            addresses.append(str(address))
    return list(dict.fromkeys(addresses))


def _of_interfaces(variables: Mapping[str, Any]) -> list[str]:
    facts = variables.get("ansible_facts", {}).get("inferfleet_node", {})
    return [
        address
        for interface in facts.get("interfaces", ())
        if not interface["name"].startswith(_OF_CONTAINERS)
        for address in interface["addresses"]
    ]
