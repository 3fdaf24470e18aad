"""Look up components by name, or all in deployment order (see DOCUMENTATION)."""

from __future__ import annotations

from ansible.plugins.lookup import LookupBase

from inferfleet.components import load_component, load_components

DOCUMENTATION = r"""
name: component
author: inferfleet
short_description: Components as data
description:
  - Container, files, data, ports and other properties of components, from src/inferfleet/components, one file each.
  - Without a term, all components in deployment order.
options:
  _terms:
    description: Names of components.
"""

EXAMPLES = r"""
- name: Remove Ray
  community.docker.docker_container:
    name: "{{ lookup('component', 'ray').container }}"
    state: absent
"""

RETURN = r"""
_raw:
  description: Components with the keys of their files and C(name).
  type: list
  elements: dict
"""


class LookupModule(LookupBase):
    """Reads the component files of the package."""

    def run(self, terms, variables=None, **kwargs):
        """Return the components."""
        components = [load_component(name) for name in terms] if terms else load_components()
        return [component.model_dump(mode="json") for component in components]
