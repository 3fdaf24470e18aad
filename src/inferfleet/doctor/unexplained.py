"""Fatal log lines, and those that no symptom explains. Pure: no clock, no files but `fatal_lines.yml`."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from pathlib import Path

import yaml

_FILE = Path(__file__).with_name("fatal_lines.yml")
_TRACEBACK = "Traceback (most recent call last)"
_CHAINED = re.compile(r"(?:During handling of the above exception|The above exception was the direct cause)")
_EXCEPTION = re.compile(r"^[A-Za-z_][\w.]*(?::|$| \[repeated )")
_VARIABLE = re.compile(r"0x[0-9a-f]+|[0-9a-f]{12,}|\d+")
_NEAR = 300  # lines after a hint: a traceback, with the output of other processes in between
_KEY = 160  # characters of a message that distinguish it from others


@dataclass(frozen=True)
class FatalLine:
    """A fatal line by its index in the log: the root cause of its traceback.

    `related` are the messages of the same traceback, `consequence` is true if the line only reports the failure of
    another process.
    """

    index: int
    message: str
    related: tuple[str, ...]
    consequence: bool

    @property
    def key(self) -> str:
        """The message without what differs between repetitions."""
        return _VARIABLE.sub("#", self.message)[:_KEY]


@dataclass
class _Process:
    """What was read of a process; `current` is the candidate that the last line reported or continued.

    `root` is the exception that a chained traceback belongs to, `header` the logger's prefix of the last line.
    """

    in_traceback: bool = False
    chained: bool = False
    current: int = -1
    root: int = -1
    header: str = ""


@dataclass
class _Candidate:
    message: str
    related: list[str] = field(default_factory=list)


@cache
def _patterns() -> Mapping[str, re.Pattern[str]]:
    content = yaml.safe_load(_FILE.read_text("utf-8"))
    del content["hints"]
    return {kind: re.compile("|".join(f"(?:{_global(p)})" for p in patterns)) for kind, patterns in content.items()}


@cache
def _hints() -> tuple[str, ...]:
    return tuple(chain.from_iterable(yaml.safe_load(_FILE.read_text("utf-8"))["hints"]))


def _global(pattern: str) -> str:
    """Return a pattern whose case flag applies to itself only."""
    return f"(?i:{pattern[4:]})" if pattern.startswith("(?i)") else pattern


def fatal_lines(lines: Iterable[str]) -> list[FatalLine]:
    """Return the fatal lines of a log without timestamps: one for each traceback, and those outside of tracebacks."""
    known = _patterns()
    found: dict[int, _Candidate] = {}
    processes: dict[str, _Process] = {}
    hints, last = _hints(), -_NEAR
    for index, line in enumerate(lines):
        hinted = any(hint in line for hint in hints)
        last = index if hinted else last
        if index - last >= _NEAR:
            processes.clear()
            continue
        tag, text = _after(known["process"], line)
        process = processes.setdefault(tag, _Process())
        if hinted or process.in_traceback or process.current >= 0 or _CHAINED.search(text):
            header, message = _after(known["header"], text)
            _read(index, text, header, message, process, found)
    return [
        FatalLine(index, one.message, tuple(one.related), bool(known["consequence"].search(one.message)))
        for index, one in sorted(found.items())
        if not known["harmless"].search(one.message)
    ]


def _read(index: int, text: str, header: str, message: str, process: _Process, found: dict[int, _Candidate]) -> None:
    """Add what a line of a process reports to the candidates."""
    known = _patterns()
    before, process.header = process.header, header
    if _TRACEBACK in message:
        process.in_traceback = True
        process.root = process.root if process.chained else -1
    elif process.in_traceback:
        if message.strip() and not message[0].isspace():
            process.in_traceback = process.chained = False
            if _EXCEPTION.match(message) and not known["other_level"].search(text):
                _end_traceback(index, message, process, found)
    elif _CHAINED.search(message):
        process.chained = True
    elif not message.strip() or known["other_level"].search(text):
        process.current = -1
    elif process.current in found and header == before and _continues(message, found[process.current]):
        found[process.current].related.append(message)
    elif not message[0].isspace() and _is_fatal(text, message):
        found[index] = _Candidate(message.strip(), [message])
        process.current, process.root = index, -1
    else:
        process.current = -1


def _is_fatal(text: str, message: str) -> bool:
    known = _patterns()
    return bool(
        known["error_level"].search(text) or known["exception"].search(message) or known["fatal"].search(message)
    )


def _continues(message: str, candidate: _Candidate) -> bool:
    """Return whether a line belongs to the text of the candidate before it: an exception's may report failures."""
    known = _patterns()
    if message[0].isspace():
        return True
    if known["exception"].search(message):
        return False
    return bool(known["exception"].search(candidate.message)) or not known["fatal"].search(message)


def _end_traceback(index: int, message: str, process: _Process, found: dict[int, _Candidate]) -> None:
    """Add the last line of a traceback; one that another exception caused belongs to that exception."""
    introduction = found.get(process.current)
    if introduction and not _patterns()["exception"].search(introduction.message):
        found.pop(process.current)
    if process.root not in found:
        found[index] = _Candidate(message.strip(), [])
        process.root = index
    found[process.root].related.append(message)
    process.current = process.root


def _after(prefix: re.Pattern[str], line: str) -> tuple[str, str]:
    """Return the prefixes at the start of a line, and the rest."""
    end = 0
    while (match := prefix.match(line, end)) and match.end() > end:
        end = match.end()
    return line[:end], line[end:]
