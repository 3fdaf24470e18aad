"""Write the index of an air-gap bundle (see inferfleet.bundle)."""

from __future__ import annotations

from pathlib import Path

from ansible.plugins.action import ActionBase

from inferfleet.bundle import make_index, read_index


class ActionModule(ActionBase):
    """Arguments `path`, the bundle folder, and `about`, the description of its contents."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Write the index; changed if any file of the bundle changed."""
        super().run(tmp, task_vars)
        folder = Path(self._task.args["path"])
        before = read_index(folder)
        index = make_index(folder, self._task.args["about"])
        return {"changed": index != before, "bytes": sum(entry["size"] for entry in index["files"].values())}
