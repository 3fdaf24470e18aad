"""Hands the inventory to `inferfleet.planner` and fails with what no fact is needed for (see DOCUMENTATION)."""

from __future__ import annotations

from pathlib import Path

from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.plugins.action import ActionBase

try:
    from inferfleet.inventory.options import role_options
    from inferfleet.inventory.read import collect, variables_in_files
    from inferfleet.planner import plan_cluster
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
        sources = InventoryManager(self._loader, sources=task_vars["ansible_inventory_sources"])
        inventory = collect(task_vars["groups"], task_vars["hostvars"], options, variables_in_files(sources))
        problems = plan_cluster(inventory).input_problems
        if not problems:
            return {"changed": False}
        return {
            "failed": True,
            "msg": "\n".join(map(str, problems)),
            "inferfleet_refusal": "contract",
            "problems": [problem.as_dict() for problem in problems],
        }
