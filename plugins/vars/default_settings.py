"""Gives group `all` the default of every setting that the inventory does not set for it."""

from __future__ import annotations

from pathlib import Path

from ansible.inventory.group import Group
from ansible.plugins.vars import BaseVarsPlugin

DOCUMENTATION = """
name: default_settings
short_description: Defaults of all settings
description:
  - Returns the settings of C(group_vars/all/main.yml) of this checkout for the group C(all), below everything that an inventory sets.
options: {}
"""

FILE = Path(__file__).resolve().parents[2] / "group_vars/all/main.yml"


class VarsModule(BaseVarsPlugin):
    """Runs before host_group_vars, whose files win."""

    def get_vars(self, loader, path, entities, cache=True):
        """Return the defaults that the inventory file itself does not set."""
        super().get_vars(loader, path, entities)
        entities = entities if isinstance(entities, list) else [entities]
        group = next((e for e in entities if isinstance(e, Group) and e.name == "all"), None)
        if group is None:
            return {}
        return {name: value for name, value in loader.load_from_file(str(FILE), cache="all").items() if name not in group.vars}
