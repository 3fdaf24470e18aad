"""What an engine does while it loads: the phase that its log shows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ansible.module_utils.messages import N_, Message


def current_phase(lines: Iterable[str], phases: Sequence[dict]) -> Message | None:
    """Return the phase that the last recognized line of a log shows; None if no line is recognized.

    `phases` are those of engine.yml: a phase has `pattern`, a regular expression for a line, and `name`, a template
    with the groups of the pattern. The first phase that matches a line counts.
    """
    patterns = [(re.compile(phase["pattern"]), phase["name"]) for phase in phases]
    for line in reversed(updates(lines)):
        for pattern, name in patterns:
            found = pattern.search(line)
            if found:
                return Message("loading-phase", name, **found.groupdict())
    return None


def running(phase: Message | None, seconds: float) -> Message:
    """Return the progress of an engine that has run for `seconds`: its phase, as far as it is known, and the time."""
    name = phase or Message("loading-phase", N_("starting the engine"))
    return Message("engine-loading", N_("{phase} (running for {time})"), phase=name, time=duration(seconds))


def updates(lines: Iterable[str]) -> list[str]:
    """Return the lines of a log without colors; each update of a progress bar becomes a line."""
    return [re.sub(r"\x1b\[[0-9;]*m", "", part) for line in lines for part in line.split("\r")]


def duration(seconds: float) -> str:
    """Return e.g. `12s`, `3m 05s`, `2h 01m`."""
    rounded = max(round(seconds), 0)
    if rounded < 60:
        return f"{rounded}s"
    if rounded < 3600:
        return f"{rounded // 60}m {rounded % 60:02d}s"
    return f"{rounded // 3600}h {rounded % 3600 // 60:02d}m"
