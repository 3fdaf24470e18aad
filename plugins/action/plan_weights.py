"""Plan which node downloads which files (see inferfleet.weights)."""

from __future__ import annotations

from ansible.plugins.action import ActionBase

from inferfleet.task_result import failed
from inferfleet.weights import plan_distribution


class ActionModule(ActionBase):
    """Returns `distribution`; fails before the download if a node has too little disk space."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Arguments `surveys`, results of weights_survey by node, and `seen`, nodes whose markers each node found."""
        super().run(tmp, task_vars)
        args = self._task.args
        distribution, problems = plan_distribution(
            args["surveys"], args["wan_nodes"], args["path"], int(args["files"]), args["seen"], args["variable"]
        )
        if problems:
            return failed(problems, "facts")
        return {"changed": False, "distribution": distribution.as_dict()}
