"""Wait until a container exits, and print its last log line as progress."""

from __future__ import annotations

import shlex
import time

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from inferfleet.messages import N_, Message, Problem
from inferfleet.task_result import failed

POLL = 5  # seconds
PROGRESS_INTERVAL = 60  # seconds
LOG_CHARACTERS = 2000  # of the log in an error message


def last_line(text: str) -> str:
    """Return the last non-empty line; progress bars rewrite their line with carriage returns."""
    lines = [line.strip() for line in text.replace("\r", "\n").splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""


class ActionModule(ActionBase):
    """Arguments `name` of the container, `timeout` in seconds, and `hint`, the template of the remedy of a failure."""

    def run(self, tmp=None, task_vars=None):
        """Wait until the container exits; fail on an exit code, on a timeout or if the container was removed."""
        super().run(tmp, task_vars)
        name, timeout = self._task.args["name"], float(self._task.args["timeout"])
        host = (task_vars or {}).get("inventory_hostname", "")
        hint = Message.from_dict({"template": self._task.args.get("hint", "")})
        about = {"name": name, "host": host, "hint": hint}
        started, shown = time.monotonic(), time.monotonic()
        while True:
            state = self._docker("container", "inspect", "--format={{.State.Status}} {{.State.ExitCode}}", name)
            if state["rc"]:
                message = N_("Container {name} was removed from {host}.")
                return failed([Problem("container-removed", message, "{hint}", **about)])
            status, code = state["stdout"].split()[-2:]
            if status in ("exited", "dead"):
                break
            if time.monotonic() - started > timeout:
                message = N_("Container {name} on {host} did not exit within {seconds} s.")
                return failed([Problem("container-timeout", message, "{hint}", seconds=f"{timeout:g}", **about)])
            if time.monotonic() - shown >= PROGRESS_INTERVAL:
                shown = time.monotonic()
                logs = self._docker("container", "logs", "--tail=1", name)
                Display().display(f"{host}: {name}: {last_line(logs['stdout'] + logs['stderr']) or status}")
            time.sleep(POLL)
        logs = self._docker("container", "logs", name)
        result = {"changed": False, "exit_code": int(code), "stdout": logs["stdout"]}
        if int(code):
            output = (logs["stdout"] + logs["stderr"]).strip()[-LOG_CHARACTERS:]
            message = N_("Container {name} on {host} exited with code {code}: {output}")
            result |= failed([Problem("container-failed", message, "{hint}", code=code, output=output, **about)])
        return result

    def _docker(self, *words):
        return self._low_level_execute_command(shlex.join(["docker", *words]))
