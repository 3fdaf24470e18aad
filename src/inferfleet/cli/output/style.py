"""Marks and colors of states, shared by all views."""

from rich.console import Console

from inferfleet.messages import N_
from inferfleet.runner.result import State

STYLES = {
    State.WAITING: "dim",
    State.RUNNING: "cyan",
    State.OK: "green",
    State.CHANGED: "yellow",
    State.FAILED: "bold red",
    State.UNREACHABLE: "bold red",
    State.SKIPPED: "dim",
    State.INTERRUPTED: "bold red",
}
LABELS = {
    State.WAITING: N_("waiting"),
    State.RUNNING: N_("running"),
    State.OK: N_("ok"),
    State.CHANGED: N_("changed"),
    State.FAILED: N_("failed"),
    State.UNREACHABLE: N_("unreachable"),
    State.SKIPPED: N_("skipped"),
    State.INTERRUPTED: N_("interrupted"),
}
_MARKS = {
    State.WAITING: "○",
    State.RUNNING: "●",
    State.OK: "✔",
    State.CHANGED: "✔",
    State.FAILED: "✘",
    State.UNREACHABLE: "✘",
    State.SKIPPED: "–",
    State.INTERRUPTED: "✘",
}
_ASCII_MARKS = {"○": ".", "●": "*", "✔": "+", "✘": "x", "–": "-"}
TONES = {"bad": "red", "soft": "dim", "": ""}


def mark(state: State, *, ascii_only: bool = False) -> str:
    """Return the one-character mark of a state."""
    return plain_mark(_MARKS[state], ascii_only=ascii_only)


def plain_mark(character: str, *, ascii_only: bool) -> str:
    """Return the character, or its ASCII replacement for terminals without UTF-8."""
    return _ASCII_MARKS[character] if ascii_only else character


def ascii_only(console: Console) -> bool:
    """Return whether the console supports ASCII only."""
    return not console.encoding.lower().startswith("utf")
