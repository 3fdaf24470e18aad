"""Measure the offset of a node's clock to the controller's, and its uncertainty."""

from __future__ import annotations

import time

from ansible.plugins.action import ActionBase

from inferfleet.messages import N_, Problem
from inferfleet.task_result import failed


class ActionModule(ActionBase):
    """Returns `offset` and `uncertainty` in seconds; runs one command instead of a module. Changes nothing."""

    def run(self, tmp=None, task_vars=None):
        """Measure twice and use the faster one: the first measurement may include the connection setup."""
        super().run(tmp, task_vars)
        samples = [self._sample() for _ in range(2)]
        best = min((sample for sample in samples if sample), default=None)
        if best is None:
            message = N_("`date +%s.%N` on {host} does not print a time.")
            remedy = N_("Check the node's shell and profile.")
            return failed([Problem("clock-unreadable", message, remedy, host=task_vars["inventory_hostname"])])
        return {"changed": False, "uncertainty": best[0], "offset": best[1]}

    def _sample(self):
        """Return uncertainty and offset in seconds; None if the node prints no time."""
        before = time.time()
        output = self._low_level_execute_command("date +%s.%N", sudoable=False)
        after = time.time()
        try:
            node_time = float(output["stdout"].strip())
        except ValueError:
            return None
        return (after - before) / 2, node_time - (before + after) / 2
