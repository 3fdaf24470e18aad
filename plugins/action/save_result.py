"""Save the results of a play next to the inventory for `inferfleet report` (see inferfleet.report.results)."""

from __future__ import annotations

from pathlib import Path

from ansible.plugins.action import ActionBase

from inferfleet.report.results import save_result


class ActionModule(ActionBase):
    """Arguments `folder` of the results, `kind` (verify, fabric) and `data`, the results."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Overwrite the previous result; never reports a change, because no node is changed."""
        super().run(tmp, task_vars)
        if not self._task.check_mode:
            plan = task_vars["ansible_facts"]["inferfleet_plan"]
            save_result(Path(self._task.args["folder"]), self._task.args["kind"], plan, self._task.args["data"])
        return {"changed": False}
