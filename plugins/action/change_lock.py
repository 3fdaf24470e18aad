"""Lock a node for this run: fail if another run changes it, and take over the lock of a run that no longer exists."""

from __future__ import annotations

from multiprocessing import parent_process

from ansible import context
from ansible.plugins.action import ActionBase

from inferfleet.nodes.change_lock import busy, stale, this_run
from inferfleet.task_result import failed


class ActionModule(ActionBase):
    """Arguments: `state` and `path` of the module. A lock that was taken over is reported as a warning."""

    def run(self, tmp=None, task_vars=None):
        """Run the module for the process of ansible-playbook, which is the parent of this worker."""
        super().run(tmp, task_vars)
        args = {**self._task.args, "run": this_run(parent_process().pid, context.CLIARGS)}
        result = self._execute_module(module_args=args, task_vars=task_vars)
        if not result.get("holder"):
            return result
        warning = stale(result["holder"], result["age"])
        if warning:
            result = self._execute_module(module_args={**args, "stale": result["holder"]}, task_vars=task_vars)
            if not result.get("holder"):
                return {**result, "inferfleet_warnings": [warning.as_dict()], "warnings": [str(warning)]}
        return failed([busy(result["holder"], result["lock"])], "busy")
