"""Parse the files of an inventory with Ansible's plugins for the reason of a failure.

Ansible itself only warns about a file that it cannot parse, and continues with the hosts it has read up to there.
"""

from pathlib import Path
from typing import Any

from inferfleet.inventory.sources import VAULT

_FROM_SCRIPT = "Standard error from inventory script:"
"""Start of a hint of Ansible (ansible/plugins/inventory/script.py)."""


def parse_failure(file: Path) -> str:
    """Return why Ansible cannot parse a file of hosts; empty if it can, or if the file is encrypted."""
    from ansible.inventory.data import InventoryData  # type: ignore[import-untyped]
    from ansible.plugins.loader import inventory_loader  # type: ignore[import-untyped]

    plugin = inventory_loader.get("yaml" if file.suffix in (".yml", ".yaml", ".json") else "ini")
    with file.open("rb") as stream:
        encrypted = stream.read(len(VAULT)) == VAULT.encode()
    if encrypted or not plugin.verify_file(str(file)):
        return ""
    return _failure(plugin, file, InventoryData())


def program_failure(file: Path, inventory: Any) -> str:
    """Return why a script, or the plugin that a file configures, fails; runs it again on Ansible's `inventory`."""
    from ansible.plugins.loader import inventory_loader

    plugin = inventory_loader.get("auto" if file.suffix in (".yml", ".yaml", ".json") else "script")
    return _failure(plugin, file, inventory)


def _failure(plugin: Any, file: Path, inventory: Any) -> str:
    from ansible.errors import AnsibleError  # type: ignore[import-untyped]
    from ansible.parsing.dataloader import DataLoader  # type: ignore[import-untyped]

    try:
        plugin.parse(inventory, DataLoader(), str(file))
    except (AnsibleError, TypeError, ValueError) as error:
        # The script plugin returns the script's own messages as a hint.
        if hint := str(getattr(error, "_help_text", None) or "").partition(_FROM_SCRIPT)[2].strip():
            return hint.splitlines()[-1].strip()[:300]
        lines = (line.strip() for line in str(error).splitlines())
        # The last cause is the most precise one; the lines after it name the file again.
        texts = [
            line for line in lines if line and not line.startswith(("<<<", "Origin:", "Failed to parse inventory with"))
        ]
        return texts[-1].removeprefix("Failed to parse inventory: ")[:300] if texts else type(error).__name__
    return ""
