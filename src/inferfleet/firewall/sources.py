"""Addresses that a node's connections come from."""

from collections.abc import Collection, Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from inferfleet.messages import N_, Problem

_OF_CONTAINERS = ("br-", "cali", "cni", "docker", "flannel", "veth", "virbr")
"""Prefixes of interfaces that connect a host with its own containers and virtual machines."""


def node_addresses(
    hosts: Mapping[str, Mapping[str, Any]], plans: Iterable[Mapping[str, Any]]
) -> dict[str, list[IPv4Address | IPv6Address]]:
    """Return the addresses of each of the cluster's hosts.

    `hosts` are the variables of each host with its fact `interfaces`, `plans` the plans in JSON form. These are the
    addresses on the cluster network and those under which the hosts are reached. A host for which the inventory has
    only names counts with all addresses of its own interfaces.
    """
    planned: dict[str, list[str]] = {}
    for plan in plans:
        for host, node in plan["nodes"].items():
            planned.setdefault(host, []).append(node["address"])
    found = {}
    for host, variables in hosts.items():
        declared = [variables.get(key) for key in ("cluster_address", "ansible_host")]
        addresses = _addresses([*planned.get(host, ()), *declared, host])
        found[host] = addresses or _addresses(_of_interfaces(variables))
    return found


def unknown_address(host: str, addresses: Mapping[str, Collection[IPv4Address | IPv6Address]]) -> list[Problem]:
    """Return the problem that rules of `host` would close its ports to other hosts whose addresses are not known."""
    unknown = [other for other, known in addresses.items() if other != host and not known]
    if not unknown:
        return []
    return [
        Problem(
            "address-unknown",
            N_("The node firewall of {host} would close it to {unknown}, whose addresses are not known in this run."),
            N_("Set cluster_address of each host, or run without --limit."),
            host=host,
            unknown=unknown,
        )
    ]


def _addresses(values: Iterable[object]) -> list[IPv4Address | IPv6Address]:
    """Return those values that are addresses, other than of loopback, each once."""
    addresses = []
    for value in values:
        try:
            address = ip_address(str(value or "").partition("%")[0])  # without the zone of a link-local address
        except ValueError:
            continue
        if not address.is_loopback and not address.is_unspecified and address not in addresses:
            addresses.append(address)
    return addresses


def _of_interfaces(variables: Mapping[str, Any]) -> list[str]:
    return [
        address
        for interface in variables.get("interfaces", ())
        if not interface["name"].startswith(_OF_CONTAINERS)
        for address in interface["addresses"]
    ]
