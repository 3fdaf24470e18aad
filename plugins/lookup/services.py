"""The nodes that serve, service by service, for the header of a play (see DOCUMENTATION)."""

from __future__ import annotations

from ansible.inventory.manager import InventoryManager
from ansible.plugins.lookup import LookupBase

from inferfleet.inventory.services import services_of

DOCUMENTATION = r"""
name: services
author: inferfleet
short_description: The nodes that serve, service by service
description:
  - For plays that handle one service after the other, each as if it were alone.
  - Without a term, the names of the nodes that serve, those of a service beside each other and its head first.
  - With the term C(sizes), how many nodes of each service take part in this run (C(--limit) is heeded), for C(serial).
options:
  _terms:
    description: Nothing, or C(sizes).
"""

EXAMPLES = r"""
- name: Bring the weights
  hosts: "{{ query('services') or 'ray_head' }}"
  serial: "{{ query('services', 'sizes') }}"
"""

RETURN = r"""
_raw:
  description: Names of hosts, or numbers of hosts.
  type: list
"""


class LookupModule(LookupBase):
    """Reads groups only: nothing else is known when a play's header is."""

    def run(self, terms, variables=None, **kwargs):
        """Return the names, or with `sizes` the numbers."""
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
