"""Filters of the node firewall (see inferfleet.firewall)."""

from __future__ import annotations

from pathlib import Path

from inferfleet.firewall import node_addresses, node_rules, unknown_addresses
from inferfleet.inventory.options import role_options

ROOT = Path(__file__).resolve().parents[2]


def firewall_addresses(plans, hostvars, groups):
    """Return the addresses of each host of the inventory, from the plans and the variables of all hosts."""
    return node_addresses(hostvars, groups, plans)


def firewall_problems(addresses):
    """Return the problems of the rules of all hosts in JSON form."""
    return [problem.as_dict() for problem in unknown_addresses(addresses)]


def firewall_rules(plans, hosts, hostvars, groups, addresses, networks):
    """Return the file of rules that nft loads on each of `hosts`, from the plans and the variables of all hosts."""
    sources = [*(address for known in addresses.values() for address in known), *networks]
    options = role_options(ROOT)
    return {host: node_rules(host, hostvars[host], groups, plans, sources, options=options) for host in hosts}


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {
            "firewall_addresses": firewall_addresses,
            "firewall_problems": firewall_problems,
            "firewall_rules": firewall_rules,
        }
