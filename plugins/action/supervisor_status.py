"""Return what the supervisor of a node reports, with the state of its replica as progress."""

from __future__ import annotations

import shlex

from ansible.plugins.action import ActionBase

from inferfleet.components import load_component
from inferfleet.supervisor import parsed, readiness


class ActionModule(ActionBase):
    """Arguments: `state`, the one that the replica shall reach; empty: the supervisor answers."""

    def run(self, tmp=None, task_vars=None):
        """Return `status`, `ready`, `fatal` (the state will not be reached) and progress; do not fail."""
        super().run(tmp, task_vars)
        command = [load_component("supervisor").files["command"], "status", "--json"]
        host = (task_vars or {}).get("inventory_hostname", "")
        answer = self._low_level_execute_command(shlex.join(command))
        status = parsed({host: answer["stdout"] if answer["rc"] == 0 else ""})[host]
        return {"changed": False, "status": status, **readiness(status, host, self._task.args.get("state", ""))}
