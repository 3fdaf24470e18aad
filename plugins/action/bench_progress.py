"""Return the progress of the benchmark container."""

from __future__ import annotations

import shlex

from ansible.plugins.action import ActionBase

from inferfleet.bench.measure import requests_done


class ActionModule(ActionBase):
    """Argument `name` of the container; returns `running`, `gone`, `exit_code` and `progress`. Called repeatedly."""

    def run(self, tmp=None, task_vars=None):
        """Read the state and the last log lines of the container."""
        super().run(tmp, task_vars)
        name = shlex.quote(self._task.args["name"])
        state = "{{.State.Running}} {{.State.ExitCode}}"
        command = f"docker container inspect --format='{state}' {name} && docker container logs --tail=5 {name} 2>&1"
        output = self._low_level_execute_command(command)
        first, _, log = output["stdout"].strip().partition("\n")
        if first.split()[:1] not in (["true"], ["false"]):
            return {"changed": False, "running": False, "gone": True, "exit_code": None}
        running, code = first.split()
        result = {"changed": False, "running": running == "true", "gone": False, "exit_code": int(code)}
        if counted := requests_done(log):
            result["progress"] = {"done": counted[0], "total": counted[1], "unit": "requests"}
        return result
