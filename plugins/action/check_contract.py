"""Collects the inventory for `inferfleet.inventory` and fails with its refusals (see DOCUMENTATION)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

try:
    from inferfleet.components import GROUPS
    from inferfleet.inventory import Inventory, check_inventory
    from inferfleet.inventory.model import HOSTS
    from inferfleet.inventory.options import role_options
    from inferfleet.inventory.values import show
    from inferfleet.messages import Problem
except ImportError as error:
    raise AnsibleError(
        "The Python package inferfleet is not installed beside Ansible; run `pip install -e .` in the checkout."
    ) from error


class ActionModule(ActionBase):
    """Checks every serving host's variables before any host is contacted."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Return the problems; fails when there are any."""
        super().run(tmp, task_vars)
        folder = Path(task_vars["playbook_dir"])
        options = role_options(folder if (folder / "roles").is_dir() else folder.parent)
        groups = task_vars["groups"]
        hosts = dict.fromkeys(h for g in GROUPS for h in groups.get(g, ()))
        variables: dict[str, dict] = {}
        unresolved: dict[str, dict[str, str]] = {}
        for host in hosts:
            variables[host], unresolved[host] = _resolve(task_vars["hostvars"][host])
        inventory = Inventory(groups, variables, frozenset(options), unresolved, self._in_files(task_vars))
        problems = check_inventory(inventory) + _option_problems(options, inventory)
        if not problems:
            return {"changed": False}
        return {
            "failed": True,
            "msg": "\n".join(map(str, problems)),
            "inferfleet_refusal": "contract",
            "problems": [problem.as_dict() for problem in problems],
        }

    def _in_files(self, task_vars) -> dict[str, list[str]]:
        """Return the variables that the inventory's own files give each group; group_vars are not among them."""
        read = InventoryManager(self._loader, sources=task_vars["ansible_inventory_sources"])
        return {str(name): list(group.vars) for name, group in read.groups.items()}


def _resolve(hostvars) -> tuple[dict, dict[str, str]]:
    """Return a host's variables with their expressions worked out, and the reasons where that fails."""
    values, unresolved = {}, {}
    for name in hostvars:
        if name.startswith(_FOREIGN) and name not in ("ansible_host", "ansible_port"):
            continue
        try:
            values[name] = hostvars[name]
        except AnsibleError as error:
            unresolved[name] = str(error).splitlines()[0]
    return values, unresolved


def _option_problems(options: dict[str, dict], inventory: Inventory) -> list[Problem]:
    """Check role variables that an inventory sets with Ansible's own validator."""
    return inventory.once(
        (host, problem)
        for host, values in inventory.variables.items()
        for name in options
        if name in values
        for problem in _option_problem(name, options[name], values[name])
    )


def _option_problem(name: str, option: dict, value: object) -> Iterator[Problem]:
    spec = {key: option[key] for key in _SPEC_KEYS if key in option}
    if not ArgumentSpecValidator({name: spec}).validate({name: value}).error_messages:
        return
    shown = "(not shown)" if option.get("no_log") else show(name, value)
    kind = _KINDS.get(spec.get("type", "str"), "of another type")
    if "elements" in spec:
        kind += f", each of them {_KINDS[spec['elements']]}"
    if "choices" in spec:
        kind = f"one of {', '.join(map(str, spec['choices']))}"
    yield Problem(
        "bad-role-variable",
        f"Variable {name} ({HOSTS}) is {shown}, but must be {kind}.",
        "Correct it in group_vars/all/10_cluster.yml; docs/roles.md describes every role's variables.",
    )


_FOREIGN = ("ansible_", "molecule_")  # what Ansible and, in role tests, Molecule set themselves
_SPEC_KEYS = ("type", "choices", "elements", "options", "required")
_KINDS = {
    "bool": "true or false",
    "dict": "a map of names to values",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "path": "a path",
    "str": "text",
}
