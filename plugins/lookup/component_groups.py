"""Look up the inventory groups of components, for the header of a play (see DOCUMENTATION)."""

from __future__ import annotations

from ansible.plugins.lookup import LookupBase

from inferfleet.components import GROUPS

DOCUMENTATION = r"""
name: component_groups
author: inferfleet
short_description: The groups in which components run
description:
  - Groups of src/inferfleet/components that exist in the inventory; all of them if none exists.
options: {}
"""

EXAMPLES = r"""
- name: Prepare the nodes
  hosts: "{{ query('component_groups') }}"
"""

RETURN = r"""
_raw:
  description: Names of groups in deployment order.
  type: list
  elements: str
"""


class LookupModule(LookupBase):
    """Reads only groups, because no other variables are available in the header of a play."""

    def run(self, terms, variables=None, **kwargs):
        """Return the group names."""
        return [group for group in GROUPS if group in variables["groups"]] or list(GROUPS)
