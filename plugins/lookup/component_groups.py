"""The inventory's groups in which components run, for the header of a play (see DOCUMENTATION)."""

from __future__ import annotations

from ansible.plugins.lookup import LookupBase

from inferfleet.components import GROUPS

DOCUMENTATION = r"""
name: component_groups
author: inferfleet
short_description: The groups in which components run
description:
  - The groups that src/inferfleet/components names and the inventory has; all of them where it has none.
options: {}
"""

EXAMPLES = r"""
- name: Prepare the nodes
  hosts: "{{ query('component_groups') }}"
"""

RETURN = r"""
_raw:
  description: Names of groups, in the order of deployment.
  type: list
  elements: str
"""


class LookupModule(LookupBase):
    """Reads groups only: nothing else is known when a play's header is."""

    def run(self, terms, variables=None, **kwargs):
        """Return the names."""
        return [group for group in GROUPS if group in variables["groups"]] or list(GROUPS)
