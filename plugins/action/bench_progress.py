"""Tells how far the container that measures is."""

from __future__ import annotations

import shlex

from ansible.plugins.action import ActionBase

from inferfleet.bench.measure import requests_done


class ActionModule(ActionBase):
    """Takes `name` of the container; returns `running`, `gone`, `exit_code` and `progress`. Asked again and again."""

    def run(self, tmp=None, task_vars=None):
        """Look once."""
        super().run(tmp, task_vars)
        name = shlex.quote(self._task.args["name"])
        state = "{{.State.Running}} {{.State.ExitCode}}"
        look = f"docker container inspect --format='{state}' {name} && docker container logs --tail=5 {name} 2>&1"
        found = self._low_level_execute_command(look)
        first, _, said = found["stdout"].strip().partition("\n")
        if first.split()[:1] not in (["true"], ["false"]):
            return {"changed": False, "running": False, "gone": True, "exit_code": None}
        running, code = first.split()
        result = {"changed": False, "running": running == "true", "gone": False, "exit_code": int(code)}
        if counted := requests_done(said):
            result["progress"] = {"done": counted[0], "total": counted[1], "unit": "requests"}
        return result
