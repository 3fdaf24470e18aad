"""Waits for a container that does one job and ends, and shows meanwhile what it said last."""

from __future__ import annotations

import shlex
import time

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from inferfleet.messages import N_, Message, Problem
from inferfleet.task_result import failed

POLL = 5  # seconds
SHOWN = 60  # seconds between two lines of progress
LAST = 2000  # characters of what it said that a refusal repeats


def last_line(text: str) -> str:
    """Return the last line with anything on it; a progress bar rewrites its line with carriage returns."""
    lines = [line.strip() for line in text.replace("\r", "\n").splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""


class ActionModule(ActionBase):
    """Takes `name` of the container, `timeout` in seconds, and `hint`, the remedy where it fails: a template."""

    def run(self, tmp=None, task_vars=None):
        """Wait for the container's end; fail where it ended badly, is gone or took too long."""
        super().run(tmp, task_vars)
        name, timeout = self._task.args["name"], float(self._task.args["timeout"])
        host = (task_vars or {}).get("inventory_hostname", "")
        hint = Message.from_dict({"template": self._task.args.get("hint", "")})
        about = {"name": name, "host": host, "hint": hint}
        begun, shown = time.monotonic(), time.monotonic()
        while True:
            state = self._docker("container", "inspect", "--format={{.State.Status}} {{.State.ExitCode}}", name)
            if state["rc"]:
                message = N_("Container {name} was removed from {host}.")
                return failed([Problem("container-removed", message, "{hint}", **about)])
            status, code = state["stdout"].split()[-2:]
            if status in ("exited", "dead"):
                break
            if time.monotonic() - begun > timeout:
                message = N_("Container {name} on {host} has not ended in {seconds} s.")
                return failed([Problem("container-timeout", message, "{hint}", seconds=f"{timeout:g}", **about)])
            if time.monotonic() - shown >= SHOWN:
                shown = time.monotonic()
                said = self._docker("container", "logs", "--tail=1", name)
                Display().display(f"{host}: {name}: {last_line(said['stdout'] + said['stderr']) or status}")
            time.sleep(POLL)
        said = self._docker("container", "logs", name)
        result = {"changed": False, "exit_code": int(code), "stdout": said["stdout"]}
        if int(code):
            words = (said["stdout"] + said["stderr"]).strip()[-LAST:]
            message = N_("Container {name} on {host} ended with {code}: {output}")
            result |= failed([Problem("container-failed", message, "{hint}", code=code, output=words, **about)])
        return result

    def _docker(self, *words):
        return self._low_level_execute_command(shlex.join(["docker", *words]))
