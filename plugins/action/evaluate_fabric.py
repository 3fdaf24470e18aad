"""Evaluate the measurements of the ranks (see inferfleet.fabric)."""

from __future__ import annotations

import json

from ansible.plugins.action import ActionBase

from inferfleet.fabric import Limits, evaluate_fabric


class ActionModule(ActionBase):
    """Arguments `result` (JSON text), `plan`, `limits` and `connections`; returns `report`."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Compare the measurements with the limits; `report.problems` lists the problems."""
        super().run(tmp, task_vars)
        plan, limits = self._task.args["plan"], {k: float(v) for k, v in self._task.args["limits"].items()}
        result, connections = json.loads(self._task.args["result"]), int(self._task.args["connections"])
        report = evaluate_fabric(result, plan["nodes"], plan["transport"], Limits(**limits), connections)
        return {"changed": False, "report": report.as_dict()}
