"""Gives group `all` the default of every setting, so that an inventory contains only what it changes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from ansible.inventory.group import Group
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.vars import BaseVarsPlugin

DOCUMENTATION = """
name: default_settings
short_description: Defaults of all settings
description:
  - Returns the settings of C(group_vars/all/main.yml) for the group C(all).
  - C(vars_plugins_enabled) and C(precedence) of ansible.cfg let everything that an inventory sets override them.
  - Of several inventory sources only the first gets them, because defaults of a later one would override its variables.
options: {}
"""

FILE = Path(__file__).resolve().parents[2] / "group_vars" / "all" / "main.yml"


_first: WeakKeyDictionary[Group, str] = WeakKeyDictionary()
"""Folder of the first inventory source by group `all` of the inventory; Ansible passes the sources in their order."""


@cache
def _defaults() -> dict[str, Any]:
    """Return the default of each setting; Ansible requests them for each host and task."""
    settings: dict[str, Any] = DataLoader().load_from_file(str(FILE))
    return settings


class VarsModule(BaseVarsPlugin):
    """Runs before host_group_vars, whose files override these values."""

    def get_vars(self, loader, path, entities, cache=True):
        """Return the default of each setting that the first inventory file does not set for group `all`."""
        super().get_vars(loader, path, entities)
        for entity in entities if isinstance(entities, list) else [entities]:
            if isinstance(entity, Group) and entity.name == "all" and _first.setdefault(entity, path) == path:
                return {name: value for name, value in _defaults().items() if name not in entity.vars}
        return {}
