"""Look up the nodes of the replicas that are replaced one after another, for the header of a play."""

from __future__ import annotations

from ansible.plugins.lookup import LookupBase

from inferfleet.inventory.services import services_of
from inferfleet.upgrade.groups import DRIVER_PREFIX, FIRST_PREFIX, NOBODY, PREFIX, at_once, rolled

DOCUMENTATION = r"""
name: rolled
author: inferfleet
short_description: Nodes by their place in the roll
description:
  - Reads the groups that the role engine_switch has created with its entry point C(plan_roll).
  - Without a term, the names of the nodes that are replaced one after another, in that order.
  - With the term C(first), those that are replaced before the gateways change to a new key of the engines.
  - With the term C(drivers), those that stop while the drivers of their nodes change.
  - With the term C(sizes), C(first_sizes) or C(driver_sizes), the number of nodes of each replica, for C(serial).
  - With the term C(gateways), the group of the gateways if they change to a new key, otherwise a pattern that matches
    none.
  - With the term C(at_once), the names of all other serving nodes.
options:
  _terms:
    description: Nothing, C(first), C(drivers), C(sizes), C(first_sizes), C(driver_sizes), C(gateways) or C(at_once).
"""

EXAMPLES = r"""
- name: Replace the replicas one after another
  hosts: "{{ query('rolled') }}"
  serial: "{{ query('rolled', 'sizes') }}"
"""

RETURN = r"""
_raw:
  description: Names of hosts, a pattern that matches none, or numbers of hosts.
  type: list
"""


_PREFIXES = {
    **dict.fromkeys(("first", "first_sizes", "gateways"), FIRST_PREFIX),
    **dict.fromkeys(("drivers", "driver_sizes"), DRIVER_PREFIX),
}


class LookupModule(LookupBase):
    """Reads only groups, because no other variables are available in the header of a play."""

    def run(self, terms, variables=None, **kwargs):
        """Return the node names, or with `sizes` the numbers of nodes."""
        groups = variables["groups"]
        if terms == ["at_once"]:
            serving = [host for service in services_of(groups) for host in service.hosts]
            return at_once(groups, serving) or [NOBODY]
        term = terms[0] if terms else ""
        found = rolled(groups, _PREFIXES.get(term, PREFIX))
        if term == "gateways":
            return ["gateway"] if found else [NOBODY]
        if term in ("sizes", "first_sizes", "driver_sizes"):
            return [len(hosts) for hosts in found] or [1]
        return [host for hosts in found for host in hosts] or [NOBODY]
