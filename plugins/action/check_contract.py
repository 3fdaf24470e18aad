"""Collects the inventory for `inferfleet.contract` and fails with its refusals (see DOCUMENTATION)."""

from __future__ import annotations

from pathlib import Path

import yaml
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

try:
    from inferfleet.contract import Inventory, check_inventory
    from inferfleet.problem import Problem
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
        options = _role_options(Path(task_vars["playbook_dir"]))
        groups = task_vars["groups"]
        hosts = dict.fromkeys(h for g in ("ray_head", "ray_worker", "webui") for h in groups.get(g, ()))
        problems, variables = [], {}
        for host in hosts:
            hostvars = task_vars["hostvars"][host]
            variables[host] = {}
            for name in hostvars:
                if name.startswith("ansible_") and name not in ("ansible_host", "ansible_port"):
                    continue
                try:
                    variables[host][name] = hostvars[name]
                except AnsibleError as error:
                    reason = str(error).splitlines()[0]
                    problems.append(
                        Problem(
                            "undefined-value",
                            f"Variable {name} ({host}) cannot be worked out: {reason}",
                            f"Correct the expression of {name} in the inventory.",
                        )
                    )
        problems += check_inventory(Inventory(groups, variables, frozenset(options)))
        problems += _option_problems(options, variables)
        if not problems:
            return {"changed": False}
        return {
            "failed": True,
            "msg": "\n".join(map(str, problems)),
            "inferfleet_refusal": "contract",
            "problems": [problem.as_dict() for problem in problems],
        }


def _role_options(playbook_dir: Path) -> dict[str, dict]:
    """Return the options of all roles by name: what an inventory may set beside the contract."""
    options: dict[str, dict] = {}
    root = playbook_dir if (playbook_dir / "roles").is_dir() else playbook_dir.parent
    for path in sorted(root.glob("roles/*/meta/argument_specs.yml")):
        specs = yaml.safe_load(path.read_text())["argument_specs"]
        options |= specs["main"].get("options", {})
    return options


def _option_problems(options: dict[str, dict], variables: dict[str, dict]) -> list[Problem]:
    """Check role variables that an inventory sets with Ansible's own validator."""
    problems = {}
    for host, values in variables.items():
        given = {name: values[name] for name in options if name in values}
        spec = {name: {k: v for k, v in options[name].items() if k in _SPEC_KEYS} for name in given}
        for message in ArgumentSpecValidator(spec).validate(given).error_messages:
            problem = Problem(
                "bad-role-variable",
                f"{message[0].upper()}{message[1:]} ({host}).",
                "Correct it in group_vars/all/10_cluster.yml; docs/roles.md describes every role's variables.",
            )
            problems[message] = problem
    return list(problems.values())


_SPEC_KEYS = {"type", "choices", "elements", "options", "required"}
