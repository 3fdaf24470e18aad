"""Keeps what a play found beside the inventory, for `inferfleet report` (see inferfleet.report.results)."""

from __future__ import annotations

from pathlib import Path

from ansible.plugins.action import ActionBase

from inferfleet.report.results import keep


class ActionModule(ActionBase):
    """`folder` is that of the results, `kind` what was found (verify, fabric), `data` the finding."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Write it in place of the one before; never changed, since no node is."""
        super().run(tmp, task_vars)
        if not self._task.check_mode:
            plan = task_vars["ansible_facts"]["inferfleet_plan"]
            keep(Path(self._task.args["folder"]), self._task.args["kind"], plan, self._task.args["data"])
        return {"changed": False}
