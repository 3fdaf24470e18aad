"""The console for tables: as wide as the terminal; a pipe or a file gets lines as long as they are."""

import os
import sys
from typing import TextIO

from rich.console import Console

_UNLIMITED = 100_000  # cells


class _Trimmed:
    """A stream without the spaces that pad the last column of a table; each write has complete lines."""

    def __init__(self, *, stderr: bool) -> None:
        self._stderr = stderr

    @property
    def _stream(self) -> TextIO:
        return sys.stderr if self._stderr else sys.stdout  # at the time of each call, as rich does

    @property
    def encoding(self) -> str:
        return self._stream.encoding

    def isatty(self) -> bool:
        return self._stream.isatty()

    def write(self, text: str) -> int:
        self._stream.write("\n".join(line.rstrip(" ") for line in text.split("\n")))
        return len(text)

    def flush(self) -> None:
        self._stream.flush()


def make_console(*, stderr: bool = False) -> Console:
    """Return the console for tables."""
    stream = sys.stderr if stderr else sys.stdout
    if stream.isatty() or os.environ.get("FORCE_COLOR"):
        return Console(stderr=stderr, highlight=False, emoji=False, markup=False, soft_wrap=False)
    width = None if os.environ.get("COLUMNS", "").isdecimal() else _UNLIMITED
    file: TextIO = _Trimmed(stderr=stderr)  # type: ignore[assignment]  # rich writes to it, and nothing else
    return Console(file=file, width=width, highlight=False, emoji=False, markup=False, soft_wrap=False)
