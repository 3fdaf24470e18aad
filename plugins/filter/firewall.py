"""Filters of the node firewall (see inferfleet.firewall)."""

from __future__ import annotations

import socket
from pathlib import Path

from inferfleet.firewall import gateway_deployed, node_addresses, node_rules, unknown_addresses
from inferfleet.inventory.options import role_options

ROOT = Path(__file__).resolve().parents[2]


def firewall_addresses(plans, hostvars, groups):
    """Return the addresses of each host of the inventory, from the plans and the variables of all hosts."""
    found = node_addresses(hostvars, groups, plans)
    return {host: known or _resolved(str(hostvars[host].get("ansible_host") or host)) for host, known in found.items()}


def _resolved(name):
    """Return the addresses of a host that is known by its name only and is not in this run."""
    try:
        return sorted({str(entry[4][0]) for entry in socket.getaddrinfo(name, None)})
    except OSError:
        return []


def firewall_problems(addresses):
    """Return the problems of the rules of all hosts in JSON form."""
    return [problem.as_dict() for problem in unknown_addresses(addresses)]


def firewall_rules(plans, hosts, hostvars, groups, addresses, networks, gateways, fronted):
    """Return the file of rules that nft loads on each of `hosts`, from the plans and the variables of all hosts.

    `gateways` are the planned hosts of the gateway; `fronted`: whether it is there, so that clients need no engine.
    """
    sources = [*(address for known in addresses.values() for address in known), *networks]
    options = role_options(ROOT)
    rules = {"gateways": list(gateways), "fronted": bool(gateways) and bool(fronted), "options": options}
    return {host: node_rules(host, hostvars[host], groups, plans, sources, **rules) for host in hosts}


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {
            "firewall_addresses": firewall_addresses,
            "firewall_problems": firewall_problems,
            "firewall_rules": firewall_rules,
            "gateway_deployed": gateway_deployed,
        }
