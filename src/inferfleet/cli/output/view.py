"""Base of all progress views."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from inferfleet.cli.output.text import task_name
from inferfleet.messages import N_
from inferfleet.runner.events import Event, Fold
from inferfleet.runner.result import Stage, TableRow


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a run: the command, its inventory and the equivalent ansible-playbook command."""

    command: str
    inventory: str
    ansible_command: str


class View(AbstractContextManager["View"], Protocol):
    """Shows the progress of a run; a context manager around it."""

    def on_event(self, event: Event) -> None:
        """Show the changes of `event`, which `fold` already contains."""

    def on_interrupt(self) -> None:
        """Show that the run is stopping."""


class StageView(ABC):
    """Writes output when stages start and end; `_shown` is the stage that started last."""

    def __init__(self, header: Header, fold: Fold) -> None:
        self._header = header
        self._fold = fold
        self._shown: Stage | None = None
        self._rows_shown: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_stage()

    def _new_rows(self) -> list[TableRow]:
        """Return the rows of the current stage that were not returned before."""
        if self._shown is None:
            return []
        shown = self._rows_shown.get(self._shown.name, 0)
        rows = self._shown.rows[shown:]
        self._rows_shown[self._shown.name] = shown + len(rows)
        return rows

    @abstractmethod
    def _end_stage(self) -> None:
        """Show the end of the current stage, if any."""


STOPPING = N_("Stopping the run gracefully … (press Ctrl-C again to stop immediately)")


def diff_of(event: Event) -> str:
    """Return how a file changes on a host, as --diff shows it; empty for every other event."""
    text = str(event.get("stdout") or "").strip("\r\n")
    if event.get("event") != "runner_on_file_diff" or not text:
        return ""
    return f"{event['event_data'].get('host')}: {task_name(str(event['event_data'].get('task')))}\n{text}"
