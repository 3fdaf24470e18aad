"""List the clients of the gateway, and record a changed one on the controller (see inferfleet.gateway)."""

from __future__ import annotations

import json
from pathlib import Path

from ansible.plugins.action import ActionBase

from inferfleet.gateway import BrokenRecordError, change_clients
from inferfleet.inventory.read import PLANNED, collect
from inferfleet.planner import plan_cluster
from inferfleet.task_result import failed


class ActionModule(ActionBase):
    """Arguments: `change` (empty: only list), `clients` (the setting) and `secrets_dir`."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Return `clients`, all of them, `client`, the changed one with the file of its key.

        A key is never returned: results are logged."""
        super().run(tmp, task_vars)
        args, groups = self._task.args, task_vars["groups"]
        change = json.loads(json.dumps(args["change"]))  # without Ansible's tags, which YAML cannot represent
        served = _served(groups, task_vars["hostvars"]) if change.get("models") else []
        secrets = Path(args["secrets_dir"])
        try:
            result = change_clients(change, args["clients"], secrets, served, check=self._task.check_mode)
        except BrokenRecordError as error:
            return failed([error.problem], "contract")
        return failed(result, "contract") if isinstance(result, list) else result


def _served(groups, hostvars):
    """Return the served model names as far as they can be planned without contacting a node."""
    plans = plan_cluster(collect(groups, hostvars, names=PLANNED)).plans
    return [plan.served_model_name for plan in plans if plan.served_model_name]
