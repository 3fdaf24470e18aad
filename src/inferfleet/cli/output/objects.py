"""The view for programs: one JSON object per line for each stage start, stage end and progress report."""

import json
from typing import Any, TextIO

from inferfleet.cli.output.view import Header, StageView
from inferfleet.runner.events import Event, Fold
from inferfleet.runner.result import Progress


class ProgressView(StageView):
    """Writes objects with `time` (Unix seconds), `event` and `stage`.

    `event` is `stage_started`, `stage_ended` (with `state` and `seconds`), `progress` (with `host`, null for all
    hosts together, and the known values of `done`, `total`, `unit`, `rate`, `seconds_left` and `text`), `row` (of a
    stage's table, with `label` and `text`) or `interrupted`.
    """

    def __init__(self, file: TextIO, header: Header, fold: Fold) -> None:
        super().__init__(header, fold)
        self._file = file

    def on_event(self, event: Event) -> None:
        """Write the changes of `event`."""
        stage = self._fold.current
        if stage is not self._shown:
            self._end_stage()
            if stage:
                self._write("stage_started", stage.name)
            self._shown = stage
        if stage and event.get("event") == "runner_retry":
            host = str(event["event_data"]["host"])
            run = stage.hosts.get(host)
            if run and run.progress:
                self._write("progress", stage.name, host=host, **_known(run.progress))
            if total := stage.total:
                self._write("progress", stage.name, host=None, **_known(total))

        for row in self._new_rows():
            self._write(
                "row", self._shown.name if self._shown else "", label=row.label.render("en"), text=row.text.render("en")
            )

    def on_interrupt(self) -> None:
        """Write that the run is stopping."""
        self._write("interrupted", self._shown.name if self._shown else "")

    def _end_stage(self) -> None:
        stage, self._shown = self._shown, None
        if stage:
            seconds = round(stage.elapsed(self._fold.ended or 0.0), 3)
            self._write("stage_ended", stage.name, state=str(stage.state), seconds=seconds)

    def _write(self, event: str, stage: str, **more: Any) -> None:
        line = {"time": self._fold.ended, "event": event, "stage": stage, **more}
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()


def _known(progress: Progress) -> dict[str, Any]:
    found = {
        "done": progress.done,
        "total": progress.total,
        "unit": progress.unit,
        "rate": progress.rate,
        "seconds_left": progress.seconds_left,
        "text": progress.text.render("en"),
        "attempt": progress.attempt,
    }
    return {name: value for name, value in found.items() if value not in (None, "")}
