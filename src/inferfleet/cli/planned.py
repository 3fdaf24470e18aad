"""What the commands that print a plan read: an inventory, and recorded facts."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from inferfleet.inventory import Inventory
from inferfleet.inventory.facts import Facts
from inferfleet.inventory.read import read_inventory
from inferfleet.messages import N_
from inferfleet.runner.checkout import find_checkout
from inferfleet.runner.errors import UsageError

_REMEDY = N_("Name a file that `inferfleet check` wrote.")


def read(path: str, extra: Mapping[str, Any]) -> Inventory:
    """Return the inventory as the playbooks of this checkout see it, under the checkout's own configuration.

    Raises:
        UsageError: the inventory cannot be read.
    """
    try:
        root = find_checkout(Path.cwd(), os.environ)
    except UsageError:
        return read_inventory(path, extra)
    os.environ.setdefault("ANSIBLE_CONFIG", str(root / "ansible.cfg"))
    return read_inventory(path, extra, root)


def read_facts(path: Path | None) -> Facts:
    """Return recorded facts by host, from a file as `inferfleet check --facts FILE` writes it.

    Raises:
        UsageError: there is no such file, or it holds something else.
    """
    if path is None:
        return {}
    try:
        data = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(
            "no-facts", N_("File {path} cannot be read: {reason}."), _REMEDY, path=str(path), reason=error.strerror
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError):
        raise UsageError("bad-facts", N_("File {path} is neither JSON nor YAML."), _REMEDY, path=str(path)) from None
    if not isinstance(data, dict) or not all(isinstance(value, dict) for value in data.values()):
        raise UsageError("bad-facts", N_("File {path} does not map hosts to facts."), _REMEDY, path=str(path))
    return {str(host): value for host, value in data.items()}


def write_facts(path: Path, facts: Facts) -> None:
    """Write facts as `read_facts` takes them."""
    path.write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n", "utf-8")
