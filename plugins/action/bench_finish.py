"""Finish a benchmark run: set its end time, draw the plots and return the report."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ansible.plugins.action import ActionBase

from inferfleet.bench.files import load, save
from inferfleet.bench.plots import draw
from inferfleet.bench.session import iso


class ActionModule(ActionBase):
    """Argument `folder`; returns `report`, the run with its `folder` and `plots`."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Save the end time and draw the plots."""
        super().run(tmp, task_vars)
        folder = Path(self._task.args["folder"])
        run = load(folder).model_copy(update={"ended": iso(datetime.now(UTC))})
        save(folder, run)
        plots = [str(path) for path in draw(run, folder)]
        return {"changed": False, "report": {**run.as_dict(), "folder": str(folder), "plots": plots}}
