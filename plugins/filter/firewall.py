"""Filter of the node firewall (see inferfleet.firewall)."""

from __future__ import annotations

from pathlib import Path

from inferfleet.firewall import node_problems, node_rules
from inferfleet.inventory.options import role_options

ROOT = Path(__file__).resolve().parents[2]


def firewall_rules(plans, hostvars, groups, host, open_ports, networks):
    """Return the file of rules that nft loads on a host, from the plans and the variables of all hosts."""
    return node_rules(
        host, hostvars, groups, plans, options=role_options(ROOT), open_ports=open_ports, networks=networks
    )


def firewall_problems(plans, hostvars, groups, host):
    """Return the problems of the rules of a host in JSON form."""
    return [problem.as_dict() for problem in node_problems(host, hostvars, groups, plans)]


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {"firewall_problems": firewall_problems, "firewall_rules": firewall_rules}
