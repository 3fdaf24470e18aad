"""Hands what the ranks measured to `inferfleet.fabric` and returns the verdict."""

from __future__ import annotations

import json

from ansible.plugins.action import ActionBase

from inferfleet.fabric import Limits, evaluate_fabric


class ActionModule(ActionBase):
    """Takes `result` (JSON text), `plan`, `limits` and `connections`; returns `report`, whatever was measured."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Judge; `report.problems` says what is wrong."""
        super().run(tmp, task_vars)
        plan, limits = self._task.args["plan"], {k: float(v) for k, v in self._task.args["limits"].items()}
        result, made = json.loads(self._task.args["result"]), int(self._task.args["connections"])
        report = evaluate_fabric(result, plan["nodes"], plan["transport"], Limits(**limits), made)
        return {"changed": False, "report": report.as_dict()}
