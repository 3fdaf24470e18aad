"""Look up the hosts of a play that a deployment without changes skips, for its header (see DOCUMENTATION)."""

from __future__ import annotations

from ansible.plugins.lookup import LookupBase

from inferfleet.converged import UNCHANGED_GROUP

DOCUMENTATION = r"""
name: unless_unchanged
author: inferfleet
short_description: Hosts of a play, or none if the deployment would change nothing
description:
  - Preflight of C(site.yml) adds the group C(x_unchanged) if the nodes are as recorded by a deployment without changes.
  - A play without hosts costs nothing, unlike one whose tasks are skipped.
options:
  _terms:
    description: Pattern of hosts, or a list of them.
    required: true
"""

EXAMPLES = r"""
- name: Prepare the nodes
  hosts: "{{ query('unless_unchanged', query('component_groups')) }}"
"""

RETURN = r"""
_raw:
  description: The pattern, or one that matches no host.
  type: list
  elements: str
"""


class LookupModule(LookupBase):
    """Reads only groups, because no other variables are available in the header of a play."""

    def run(self, terms, variables=None, **kwargs):
        """Return the patterns of hosts."""
        if UNCHANGED_GROUP in variables["groups"]:
            return ["all:!all"]
        return [pattern for term in terms for pattern in ([term] if isinstance(term, str) else term)]
