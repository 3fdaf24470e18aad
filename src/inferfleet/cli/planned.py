"""Input of the commands that print a plan: an inventory and recorded facts."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from inferfleet.inventory import Inventory
from inferfleet.inventory.facts import Facts, wrong_fact
from inferfleet.inventory.read import read_inventory, read_variables
from inferfleet.inventory.values import show
from inferfleet.messages import N_, os_reason
from inferfleet.runner.checkout import find_checkout
from inferfleet.runner.command import Access
from inferfleet.runner.errors import UsageError
from inferfleet.runner.extra_vars import parse_extra_vars

_REMEDY = N_("Specify a file written by `inferfleet check --facts FILE`.")


def read(path: str, extra_vars: Sequence[str], access: Access) -> Inventory:
    """Return the inventory as the playbooks read it, with the same ansible.cfg and the variables set with -e.

    Raises:
        UsageError: the inventory or an option -e cannot be read.
    """
    root = find_checkout(Path.cwd(), os.environ)
    os.environ["ANSIBLE_CONFIG"] = str(root / "ansible.cfg")
    values: dict[str, Any] = {}
    for item in parse_extra_vars(extra_vars, Path.cwd()):
        if item.file:
            values |= read_variables(item.file, access.vault_password_file, access.vault_password)
        else:
            values |= item.values or {}
    return read_inventory(path, values, root, access.vault_password_file, access.vault_password)


def read_facts(path: Path | None) -> Facts:
    """Return recorded facts by host, from a file written by `inferfleet check --facts FILE`.

    Raises:
        UsageError: the file cannot be read, or contains no facts.
    """
    if path is None:
        return {}
    try:
        data = _parse(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(
            "no-facts", N_("File {path} cannot be read: {reason}."), _REMEDY, path=str(path), reason=os_reason(error)
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError):
        raise UsageError("bad-facts", N_("File {path} is neither JSON nor YAML."), _REMEDY, path=str(path)) from None
    if not isinstance(data, dict) or not all(isinstance(value, dict) for value in data.values()):
        raise UsageError("bad-facts", N_("File {path} does not map hosts to facts."), _REMEDY, path=str(path))
    for host, value in data.items():
        if wrong := wrong_fact(value):
            key, given = wrong
            raise UsageError(
                "bad-facts",
                N_("File {path}: fact {key} of host {host} is {value}, which has the wrong type."),
                _REMEDY,
                path=str(path),
                key=key,
                host=str(host),
                value=show(key, given),
            )
    return {str(host): value for host, value in data.items()}


def _parse(text: str) -> Any:
    """Return the content of JSON or YAML; facts of many nodes are large, and JSON is read 100 times faster."""
    try:
        return json.loads(text)
    except ValueError:
        return yaml.safe_load(text)


def write_facts(path: Path, facts: Facts) -> None:
    """Write facts to a file for `read_facts`."""
    path.write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n", "utf-8")
