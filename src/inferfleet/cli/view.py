"""What every way of showing a run has in common."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from inferfleet.runner.events import Event


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


ENDING = "Ending the run in good order … (Ctrl-C again: at once)"


def diff_of(event: Event) -> str:
    """Return how a file changes on a host, as --diff shows it; empty for every other event."""
    text = str(event.get("stdout") or "").strip("\r\n")
    if event.get("event") != "runner_on_file_diff" or not text:
        return ""
    return f"{event['event_data'].get('host')}: {event['event_data'].get('task')}\n{text}"
