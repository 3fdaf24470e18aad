"""Return the sources of inferfleet, to build its wheel from (see inferfleet.bundle.source)."""

from __future__ import annotations

from pathlib import Path

from ansible.plugins.action import ActionBase

from inferfleet.bundle.source import source_tree


class ActionModule(ActionBase):
    """Argument `path`: a folder for temporary files; returns `source`, the folder to build from."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Copy the sources if inferfleet runs from an installed package."""
        super().run(tmp, task_vars)
        root = Path(task_vars["playbook_dir"]).parent
        return {"changed": False, "source": str(source_tree(root, Path(self._task.args["path"])))}
