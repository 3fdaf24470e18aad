"""Check the drivers of the play's hosts with the current accelerator facts."""

from __future__ import annotations

from ansible.plugins.action import ActionBase

from inferfleet.drivers import driver_problems
from inferfleet.task_result import failed


class ActionModule(ActionBase):
    """Arguments `vendor`, `version` (of the driver; empty accepts any) and `iommu_allowed`."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Fail with the driver problems of all hosts of the play."""
        super().run(tmp, task_vars)
        problems = []
        for host in task_vars["ansible_play_batch"]:
            variables = task_vars["hostvars"][host]
            facts = variables["ansible_facts"].get("inferfleet_accelerators", {})
            problems += driver_problems(
                host,
                facts,
                self._task.args["vendor"],
                version=str(self._task.args.get("version") or ""),
                iommu_allowed=bool(self._task.args.get("iommu_allowed", True)),
            )
        if not problems:
            return {"changed": False, "problems": []}
        return failed(problems, "facts")
