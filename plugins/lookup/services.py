"""Look up the serving nodes by service, for the header of a play (see DOCUMENTATION)."""

from __future__ import annotations

from ansible.inventory.manager import InventoryManager
from ansible.plugins.lookup import LookupBase

from inferfleet.inventory.services import services_of

DOCUMENTATION = r"""
name: services
author: inferfleet
short_description: Serving nodes by service
description:
  - For plays that process services sequentially.
  - Without a term, the names of the serving nodes, grouped by service, with the head node first.
  - With the term C(sizes), the number of nodes of each service in this run (with C(--limit)), for C(serial).
options:
  _terms:
    description: Nothing, or C(sizes).
"""

EXAMPLES = r"""
- name: Download the weights
  hosts: "{{ query('services') or 'ray_head' }}"
  serial: "{{ query('services', 'sizes') }}"
"""

RETURN = r"""
_raw:
  description: Names of hosts, or numbers of hosts.
  type: list
"""


class LookupModule(LookupBase):
    """Reads only groups, because no other variables are available in the header of a play."""

    def run(self, terms, variables=None, **kwargs):
        """Return the node names, or with `sizes` the numbers of nodes."""
        services = services_of(variables["groups"])
        if terms != ["sizes"]:
            return [host for service in services for host in service.hosts]
        inventory = InventoryManager(self._loader, parse=False)
        for group, hosts in variables["groups"].items():
            inventory.add_group(group)
            for host in hosts:
                inventory.add_host(host, group)
        inventory.subset(variables.get("ansible_limit"))
        taking_part = {host.name for host in inventory.get_hosts()}
        return [size for service in services if (size := len(taking_part.intersection(service.hosts)))]
