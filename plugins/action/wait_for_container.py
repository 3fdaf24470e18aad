"""Wait until a container exits, and print what it does and for how long as progress."""

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


def last_lines(text: str) -> str:
    """Return the last complete lines of a log; of a progress bar, which overwrites its line, only the end."""
    lines = [line.rpartition("\r")[2].rstrip() for line in text.strip().split("\n")]
    kept = ""
    for line in reversed(lines):
        if len(line) + len(kept) >= LOG_CHARACTERS:
            break
        kept = f"{line}\n{kept}"
    return kept.strip()


class ActionModule(ActionBase):
    """Arguments `name` of the container, `timeout` in seconds, `phase`, what it does, and `hint`, the remedy."""

    def run(self, tmp=None, task_vars=None):
        """Wait until the container exits; fail on an exit code, on a timeout or if the container was removed."""
        super().run(tmp, task_vars)
        name, timeout = self._task.args["name"], float(self._task.args["timeout"])
        host = (task_vars or {}).get("inventory_hostname", "")
        hint = Message.from_dict({"template": self._task.args.get("hint", "")})
        about = {"name": name, "host": host, "hint": hint}
        phase = self._task.args.get("phase") or name
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
                Display().display(f"{host}: {phase} (running for {(shown - started) / 60:.0f} min)")
            time.sleep(POLL)
        logs = self._docker("container", "logs", name)
        result = {"changed": False, "exit_code": int(code), "stdout": logs["stdout"]}
        if int(code):
            output = last_lines(f"{logs['stdout']}\n{logs['stderr']}")
            message = N_("Container {name} on {host} exited with code {code}: {output}")
            result |= failed([Problem("container-failed", message, "{hint}", code=code, output=output, **about)])
        return result

    def _docker(self, *words):
        return self._low_level_execute_command(shlex.join(["docker", *words]))
