"""Tells how far the container that measures is."""

from __future__ import annotations

import re
import shlex

from ansible.plugins.action import ActionBase

# One line each time requests ended, by TQDM_BAR_FORMAT (see the role's vars).
COUNT = re.compile(r"^(\d+)/(\d+)$", re.MULTILINE)


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
        if counts := COUNT.findall(said.replace("\r", "\n")):
            done, total = counts[-1]
            result["progress"] = {"done": int(done), "total": int(total), "unit": "requests"}
        return result
