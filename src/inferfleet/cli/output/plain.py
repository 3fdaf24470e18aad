"""The view for pipes, logs and CI: one line at the start and the end of each stage."""

import time
from typing import Self

from rich.console import Console
from rich.text import Text

from inferfleet.cli.output.style import LABELS
from inferfleet.cli.output.text import count, duration, labelled, pad, progress_parts, task_name, tr
from inferfleet.cli.output.view import STOPPING, Header, StageView, diff_of
from inferfleet.messages import N_
from inferfleet.runner.events import Event, Fold
from inferfleet.runner.result import State

_LABEL_CELLS = 11
_PROGRESS_EVERY = 30.0  # seconds between two lines of progress of one host
_ALL = ""  # no host has this name


class PlainView(StageView):
    """Writes plain lines, each prefixed with the seconds since the start."""

    def __init__(self, console: Console, header: Header, fold: Fold) -> None:
        super().__init__(header, fold)
        self._console = console
        self._last_lines: dict[str, str] = {}
        self._progress_at: dict[str, float] = {}

    def __enter__(self) -> Self:
        self._print(f"inferfleet {self._header.command} {self._header.inventory}")
        self._print(f"$ {self._header.ansible_command}")
        return self

    def on_event(self, event: Event) -> None:
        """Write a line when the stage changes, and progress lines at intervals."""
        stage = self._fold.current
        if stage is not self._shown:
            self._end_stage()
            if stage and stage.name not in self._last_lines:
                self._line(f"{tr(stage.title)} …")
            self._shown = stage
        if event.get("event") == "runner_retry":
            self._show_progress(str(event["event_data"]["host"]))
        for row in self._new_rows():
            self._line(f"{pad(str(row.label), _LABEL_CELLS, right=True)} {row.text}")
        if diff := diff_of(event):
            self._print(diff)

    def on_interrupt(self) -> None:
        """Write that the run is stopping."""
        self._line(tr(STOPPING), time.time())

    def _end_stage(self) -> None:
        stage, self._shown = self._shown, None
        if stage is None:
            return
        tasks = count(stage.changed, N_("{count} task"), N_("{count} tasks"))
        changed = f" ({tasks})" if stage.changed else ""
        state = State.INTERRUPTED if stage.since is not None else stage.state
        title, state_text = tr(stage.title), f"{tr(LABELS[state])}{changed}"
        # A stage may run again (handlers, a role used twice): print it only if its state changed.
        if self._last_lines.get(stage.name) != state_text:
            time_spent = duration(stage.elapsed(self._fold.ended or 0.0))
            self._line(tr(N_("{stage}: {state} in {time}"), stage=title, state=state_text, time=time_spent))
        self._last_lines[stage.name] = state_text

    def _show_progress(self, host: str) -> None:
        stage = self._fold.current
        run = stage.hosts.get(host) if stage else None
        now = self._fold.ended or 0.0
        if stage is None or run is None or run.progress is None:
            return
        if now - self._progress_at.setdefault(host, now) < _PROGRESS_EVERY:
            return
        self._progress_at[host] = now
        parts, task = " · ".join(progress_parts(run.progress)), task_name(run.task)
        self._line(labelled(tr(stage.title), labelled(host, labelled(task, parts) if parts else task)))
        total = stage.total
        if total and now - self._progress_at.get(_ALL, 0.0) >= _PROGRESS_EVERY:
            self._progress_at[_ALL] = now
            everywhere = tr(N_("all nodes"))
            self._line(labelled(tr(stage.title), labelled(everywhere, " · ".join(progress_parts(total)))))

    def _line(self, text: str, at: float | None = None) -> None:
        now = at or self._fold.ended or 0.0
        elapsed = now - (self._fold.started or now)
        self._print(f"[{elapsed:7.1f}s] {text}")

    def _print(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)


class AnsibleView(PlainView):
    """The view of --verbose: the output of ansible-playbook."""

    def on_event(self, event: Event) -> None:
        """Write the output of the event unchanged."""
        if event.get("stdout"):
            self._console.file.write(f"{event['stdout']}\n")
            self._console.file.flush()

    def _end_stage(self) -> None:
        """Write nothing: the output of Ansible shows it."""
