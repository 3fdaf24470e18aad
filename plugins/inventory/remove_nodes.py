"""Take nodes out of the groups of an inventory for one run (see DOCUMENTATION)."""

from __future__ import annotations

from ansible.plugins.inventory import BaseInventoryPlugin

from inferfleet.inventory.removal import GROUP, PREFIX, removed_by

DOCUMENTATION = r"""
name: remove_nodes
author: inferfleet
short_description: Take nodes out of the groups of an inventory
description:
  - C(inferfleet remove-node) gives it as a second inventory, C(-i remove_nodes:node7,). The nodes leave all groups
    but one of their own, so that the run plans and deploys without them, and still knows how to reach them.
options: {}
"""

EXAMPLES = r"""
# ansible-playbook playbooks/remove_node.yml -i inventories/mine -i remove_nodes:node7,
"""


class InventoryModule(BaseInventoryPlugin):
    """A source that names the nodes; another one defines them."""

    NAME = "remove_nodes"

    def verify_file(self, path):
        """Return whether the source is one of this plugin: not the path of a file."""
        return path.startswith(PREFIX)

    def parse(self, inventory, loader, path, cache=True):
        """Move the nodes to the group of removed nodes; those of no other source are ignored."""
        super().parse(inventory, loader, path, cache)
        inventory.add_group(GROUP)
        for name in removed_by(path):
            host = inventory.hosts.get(name)
            if host is None:
                continue
            for group in [group for group in inventory.groups.values() if host in group.hosts and group.name != "all"]:
                for key, value in group.get_vars().items():  # the connection may be defined there
                    if key not in host.vars:
                        host.set_variable(key, value)
                group.remove_host(host)
            inventory.add_host(name, GROUP)
