"""Closes a run of the benchmark: its end, its plots, and the report for whoever started it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ansible.plugins.action import ActionBase

from inferfleet.bench.files import load, save
from inferfleet.bench.plots import draw
from inferfleet.bench.session import iso


class ActionModule(ActionBase):
    """Takes `folder`; returns `report`, the run with its `folder` and `plots`."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Write the end and draw."""
        super().run(tmp, task_vars)
        folder = Path(self._task.args["folder"])
        run = load(folder).model_copy(update={"ended": iso(datetime.now(UTC))})
        save(folder, run)
        plots = [str(path) for path in draw(run, folder)]
        return {"changed": False, "report": {**run.as_dict(), "folder": str(folder), "plots": plots}}
