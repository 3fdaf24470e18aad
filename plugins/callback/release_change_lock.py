"""Unlock the nodes at the end of a run, also after failures: no later play runs then, but callbacks do."""

from __future__ import annotations

from ansible import context
from ansible.executor.task_queue_manager import TaskQueueManager
from ansible.playbook.play import Play
from ansible.plugins.callback import CallbackBase
from ansible.template import trust_as_template
from ansible.utils.display import Display

from inferfleet.converged import not_recorded

DOCUMENTATION = r"""
name: release_change_lock
type: aggregate
short_description: Unlock the nodes at the end of a run
description: Runs change_lock with O(state=absent) on the nodes that this run has locked.
"""

TASK = "change_lock"
FINISH = "converged"
UNLOCK = {
    "state": "absent",
    "path": trust_as_template("{{ change_lock_paths[inventory_hostname] }}"),
    "outcome": trust_as_template("{{ change_lock_outcome }}"),
}


class CallbackModule(CallbackBase):
    """Without a locked node it does nothing. While it unlocks the nodes, it is its own output, which reports only those
    that do not record a run without changes."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "release_change_lock"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._locked = {}
        """Host → file that locks it."""
        self._finished = False
        """Whether a complete deployment has reached its end."""
        self._unchanged = []
        """Hosts of a run that skips its plays and locks none."""

    def set_play_context(self, play_context):
        """Keep the passwords that the run was started with."""
        self._passwords = {"conn_pass": play_context.password, "become_pass": play_context.become_pass}

    def v2_playbook_on_play_start(self, play):
        """Keep a play, from which inventory and variables are known."""
        self._play = play

    def v2_runner_on_ok(self, result):
        """Remember a host that was locked, and the end of a deployment."""
        if result.result.get("unrecorded"):
            Display().display(str(not_recorded(result.host.name, result.result["unrecorded"])))
        if result.task.action == TASK:
            self._locked[result.host.name] = result.result["lock"]
        elif result.task.action == FINISH:
            self._finished = result.task.args["step"] == "finish"
            self._unchanged = result.result.get("hosts", self._unchanged)

    def _outcome(self, stats):
        """Return `failed` after a failure, also one that was rescued, and `converged` after a run without a change."""
        if any((stats.failures, stats.dark, stats.rescued)):
            return "failed"
        return "converged" if self._finished and not self._unchanged and not stats.changed else ""

    def v2_playbook_on_stats(self, stats):
        """Unlock the hosts; the next run of this controller takes over a lock that remains.

        If a run that skipped its plays fails, the next one must be complete: the record is removed.
        """
        outcome = self._outcome(stats)
        if outcome == "failed":
            self._locked |= dict.fromkeys(self._unchanged, "")  # the default file
        if not self._locked:
            return
        manager = self._play.get_variable_manager()
        inventory, loader = manager._inventory, manager._loader
        inventory.remove_restriction()  # to the hosts of the last play
        play = {
            "name": "Unlock the nodes",
            "hosts": list(self._locked),
            "gather_facts": False,
            "any_errors_fatal": False,
            "vars": {
                "change_lock_paths": self._locked,
                "change_lock_outcome": outcome,
                "ansible_ssh_retries": 0,
            },
            "tasks": [{"name": "Unlock the node", TASK: UNLOCK, "tags": ["always"]}],
        }
        self._locked = {}
        queue = TaskQueueManager(
            inventory=inventory,
            variable_manager=manager,
            loader=loader,
            passwords=self._passwords,
            stdout_callback_name=self.CALLBACK_NAME,
            run_additional_callbacks=False,
            forks=context.CLIARGS["forks"],
        )
        try:
            if queue.run(Play.load(play, variable_manager=manager, loader=loader)):
                Display().warning(
                    "The lock of this run remains on nodes that did not answer; the next run takes it over."
                )
        finally:
            queue.cleanup()
