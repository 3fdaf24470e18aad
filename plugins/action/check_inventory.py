"""Check the inventory with all checks that need no node facts (see inferfleet.planner)."""

from __future__ import annotations

from pathlib import Path

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars

try:
    from inferfleet.gateway.recorded import BrokenRecordError, read_recorded
    from inferfleet.inventory.options import role_options
    from inferfleet.inventory.read import collect, refuse_failed_programs, refuse_unparsed
    from inferfleet.inventory.sources import read_sources
    from inferfleet.planner import plan_cluster
    from inferfleet.runner.errors import UsageError
    from inferfleet.task_result import failed
except ImportError as error:
    raise AnsibleError(
        "The Python package inferfleet is not installed where Ansible runs; run `pip install -e .` in the checkout."
    ) from error


class ActionModule(ActionBase):
    """Checks every serving host's variables before any host is contacted.

    With the argument `secrets_dir`, also the clients that `inferfleet clients` recorded there."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Fail with the problems of the inventory."""
        super().run(tmp, task_vars)
        paths = task_vars["ansible_inventory_sources"]
        try:
            sources = read_sources(map(str, paths))
            refuse_unparsed(task_vars["groups"], ", ".join(map(str, paths)), sources)
            refuse_failed_programs(task_vars["hostvars"]._inventory, sources)
        except UsageError as error:
            return failed([error.problem], "contract")
        folder = Path(task_vars["playbook_dir"])
        options = role_options(folder if (folder / "roles").is_dir() else folder.parent)
        extra = frozenset(map(str, load_extra_vars(self._loader)))
        inventory = collect(task_vars["groups"], task_vars["hostvars"], options, sources=sources, extra=extra)
        problems = plan_cluster(inventory).input_problems
        if not problems and self._task.args:
            problems = _client_problems(inventory, Path(self._task.args["secrets_dir"]))
        return failed(problems, "contract") if problems else {"changed": False}


def _client_problems(inventory, secrets):
    """Return the problems of clients that are in the inventory and were added by `inferfleet clients`."""
    try:
        recorded = read_recorded(secrets)
    except BrokenRecordError as error:
        return [error.problem]
    return recorded.problems(inventory.variables[inventory.hosts[0]]["api_clients"])
