"""Record releases next to the inventory (see inferfleet.upgrade.releases)."""

from __future__ import annotations

from pathlib import Path

from ansible.plugins.action import ActionBase

from inferfleet import __version__
from inferfleet.inventory.read import PLANNED, collect
from inferfleet.task_result import failed
from inferfleet.upgrade import ReleaseFolder, ReleaseMissingError, release_of


class ActionModule(ActionBase):
    """Arguments `folder` and `step`: begin, drain and undrain (with `replica`), drained, record (with `digests` and
    `command`), or list. Writes on the controller only, and nothing in check mode."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        """Run the step."""
        super().run(tmp, task_vars)
        args = dict(self._task.args)
        folder, step = ReleaseFolder(Path(args.pop("folder"))), args.pop("step")
        if step not in ("list", "drained") and self._task.check_mode:
            return {"changed": False}
        try:
            return {"changed": False, **getattr(self, f"step_{step}")(folder, task_vars, **args)}
        except ReleaseMissingError as error:
            return failed([error.problem], "contract")

    def step_begin(self, folder, task_vars):
        """Record that the deployment changes from now on."""
        folder.begin()
        return {}

    def step_drain(self, folder, task_vars, replica):
        """Record that the roll drains a replica."""
        folder.set_drained(replica, drained=True)
        return {}

    def step_undrain(self, folder, task_vars, replica):
        """Record that the roll uses a replica again."""
        folder.set_drained(replica, drained=False)
        return {}

    def step_drained(self, folder, task_vars):
        """Return the replicas that a roll has drained and not used again."""
        return {"replicas": folder.drained()}

    def step_record(self, folder, task_vars, digests, command):
        """Record what is deployed."""
        plans = task_vars["ansible_facts"]["inferfleet_plans"]
        inventory = collect(task_vars["groups"], task_vars["hostvars"], names=PLANNED)
        release = release_of(plans, inventory.variables, digests, __version__)
        return {"number": folder.record(release, inventory.variables, command)}

    def step_list(self, folder, task_vars):
        """Return the releases."""
        return {"releases": folder.releases(), "unfinished": bool(folder.unfinished)}
