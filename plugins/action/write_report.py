"""Writes the report (see inferfleet.report)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ansible.plugins.action import ActionBase

from inferfleet.report import make_content, render, write


class ActionModule(ActionBase):
    """`path` is the file, `results` the folder of what earlier runs found, `nodes` what each node said just now."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Return `path` and whether the file is another one than before."""
        super().run(tmp, task_vars)
        args = self._task.args
        path = Path(args["path"])
        content = make_content(
            inventory=args["inventory"],
            plans=args["plans"],
            nodes=args["nodes"],
            results=Path(args["results"]),
            now=datetime.now(UTC),
        )
        if self._task.check_mode:
            return {"changed": False, "path": str(path)}
        return {"changed": write(path, render(content)), "path": str(path)}
