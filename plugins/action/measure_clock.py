"""How far a node's clock is from the controller's, and how well that is known."""

from __future__ import annotations

import time

from ansible.plugins.action import ActionBase

from inferfleet.messages import N_, Problem
from inferfleet.task_result import failed


class ActionModule(ActionBase):
    """Returns `offset` and `uncertainty` in seconds; changes nothing. No module travels: one command is enough."""

    def run(self, tmp=None, task_vars=None):
        """Ask twice: the first time may open the connection, the shorter one knows better."""
        super().run(tmp, task_vars)
        answers = [self._ask() for _ in range(2)]
        known = min((answer for answer in answers if answer), default=None)
        if known is None:
            message = N_("`date +%s.%N` on {host} does not print a time.")
            remedy = N_("Check the node's shell and profile.")
            return failed([Problem("no-clock", message, remedy, host=task_vars["inventory_hostname"])])
        return {"changed": False, "uncertainty": known[0], "offset": known[1]}

    def _ask(self):
        """Return the uncertainty and the offset."""
        before = time.time()
        answer = self._low_level_execute_command("date +%s.%N", sudoable=False)
        after = time.time()
        try:
            there = float(answer["stdout"].strip())
        except ValueError:
            return None
        return (after - before) / 2, there - (before + after) / 2
