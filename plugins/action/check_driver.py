"""Fails with what is wrong with the drivers of the play's hosts, after facts that a role has just read."""

from __future__ import annotations

from ansible.plugins.action import ActionBase

from inferfleet.drivers import driver_problems
from inferfleet.task_result import failed


class ActionModule(ActionBase):
    """Takes `vendor`, `version` (of the driver, empty: any) and `iommu_allowed`."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Check every host of the play that holds a rank."""
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
