"""Hands the nodes' surveys to `inferfleet.weights` and returns who brings what."""

from __future__ import annotations

from ansible.plugins.action import ActionBase

from inferfleet.task_result import failed
from inferfleet.weights import plan_distribution


class ActionModule(ActionBase):
    """Returns `distribution`; fails before the first byte where a node has no room."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """`surveys` maps nodes to what weights_survey returned, `seen` to whose marks they saw."""
        super().run(tmp, task_vars)
        args = self._task.args
        distribution, problems = plan_distribution(
            args["surveys"], args["wan_nodes"], args["path"], int(args["files"]), args["seen"], args["variable"]
        )
        if problems:
            return failed(problems, "facts")
        return {"changed": False, "distribution": distribution.as_dict()}
