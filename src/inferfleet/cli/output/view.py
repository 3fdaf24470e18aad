"""What every way of showing a run has in common."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from inferfleet.messages import N_
from inferfleet.runner.events import Event, Fold
from inferfleet.runner.result import Stage, TableRow


@dataclass(frozen=True, slots=True)
class Header:
    """What is said before a run: the command, its inventory and the equal ansible-playbook line."""

    command: str
    inventory: str
    ansible_command: str


class View(AbstractContextManager["View"], Protocol):
    """Shows a run while it goes on; entered before and left after the run."""

    def on_event(self, event: Event) -> None:
        """Show what `event`, already folded, has changed."""

    def on_interrupt(self) -> None:
        """Tell that the run begins to end."""


class StageView(ABC):
    """Writes as stages begin and end; `_shown` is the stage that was begun last."""

    def __init__(self, header: Header, fold: Fold) -> None:
        self._header = header
        self._fold = fold
        self._shown: Stage | None = None
        self._rows_told: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_stage()

    def _new_rows(self) -> list[TableRow]:
        """Return the rows of the stage shown that were not returned before."""
        if self._shown is None:
            return []
        told = self._rows_told.get(self._shown.name, 0)
        rows = self._shown.rows[told:]
        self._rows_told[self._shown.name] = told + len(rows)
        return rows

    @abstractmethod
    def _end_stage(self) -> None:
        """Tell that the stage shown is over, if there is one, and show none."""


ENDING = N_("Ending the run in good order … (Ctrl-C again: at once)")


def diff_of(event: Event) -> str:
    """Return how a file changes on a host, as --diff shows it; empty for every other event."""
    text = str(event.get("stdout") or "").strip("\r\n")
    if event.get("event") != "runner_on_file_diff" or not text:
        return ""
    return f"{event['event_data'].get('host')}: {event['event_data'].get('task')}\n{text}"
