"""Addresses that a node's connections come from."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

_OF_CONTAINERS = ("br-", "cali", "cni", "docker", "flannel", "veth", "virbr")
"""Prefixes of interfaces that connect a host with its own containers and virtual machines."""


def node_addresses(
    hosts: Mapping[str, Mapping[str, Any]], plans: Iterable[Mapping[str, Any]]
) -> list[IPv4Address | IPv6Address]:
    """Return the addresses of the cluster's hosts, each once.

    `hosts` are the variables of each host with its fact `interfaces`, `plans` the plans in JSON form. These are the
    addresses on the cluster network and those under which the hosts are reached. A host for which the inventory has
    only names counts with all addresses of its own interfaces.
    """
    planned: dict[str, list[str]] = {}
    for plan in plans:
        for host, node in plan["nodes"].items():
            planned.setdefault(host, []).append(node["address"])
    found: dict[IPv4Address | IPv6Address, None] = {}
    for host, variables in hosts.items():
        declared = [variables.get(key) for key in ("cluster_address", "ansible_host")]
        addresses = _addresses([*planned.get(host, ()), *declared, host])
        found |= dict.fromkeys(addresses or _addresses(_of_interfaces(variables)))
    return list(found)


def _addresses(values: Iterable[object]) -> list[IPv4Address | IPv6Address]:
    """Return those values that are addresses, other than of loopback."""
    addresses = []
    for value in values:
        try:
            address = ip_address(str(value or "").partition("%")[0])  # without the zone of a link-local address
        except ValueError:
            continue
        if not address.is_loopback and not address.is_unspecified:
            addresses.append(address)
    return addresses


def _of_interfaces(variables: Mapping[str, Any]) -> list[str]:
    return [
        address
        for interface in variables.get("interfaces", ())
        if not interface["name"].startswith(_OF_CONTAINERS)
        for address in interface["addresses"]
    ]
