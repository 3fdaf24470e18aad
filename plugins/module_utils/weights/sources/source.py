"""What all sources have in common: how they fail, and how slow they may be."""

from __future__ import annotations

import re
import time

# The names of what httpx and requests raise, and the words of aria2c, when nothing answers.
SILENCE = re.compile(r"Timeout|Connect(ion)?Error|errorCode=(1|2|6|19) ")


class SourceError(Exception):
    """A source does not give a file, or gives it wrong or too slowly.

    `retry_after`: seconds it asked to wait; `silent`: nothing came from it at all, as when the WAN is gone.
    """

    def __init__(self, message, retry_after=0.0, silent=False):
        super().__init__(message)
        self.retry_after, self.silent = retry_after, silent


class StoppedError(Exception):
    """The run ends, or another node has the file: not the source's fault."""


class Source:
    """One entry of `model_weights_sources`."""

    def __init__(self, spec, stall, min_rate):
        self.spec, self.stall, self.min_rate = spec, stall, min_rate
        self.repository, self.revision = spec.get("repository", ""), spec.get("revision") or "main"

    @property
    def title(self):
        """The source in words, for reports and refusals."""
        named = f"{self.spec['type']} {self.spec.get('endpoint') or self.spec.get('path') or ''}".strip()
        return self.spec.get("title") or named


class Pace:
    """Ends a transfer that has become far slower than it should be."""

    WINDOW = 30.0  # seconds

    def __init__(self, min_rate, window=WINDOW):
        self.min_rate, self.window = min_rate, max(window, 1.0)
        self.since, self.bytes = time.monotonic(), 0

    def see(self, count):
        """Take note of bytes that arrived."""
        self.bytes += count
        passed = time.monotonic() - self.since
        if passed < self.window:
            return
        if self.bytes < self.min_rate * passed:
            raise SourceError(f"only {self.bytes / passed:.0f} bytes/s over {passed:.0f} s, {self.min_rate:g} wanted")
        self.since, self.bytes = time.monotonic(), 0


def cause(error, stall):
    """Return in one line why a library failed; `stall` is the timeout that it was given, in seconds."""
    name = type(error).__name__
    if "Timeout" in name:
        return f"no answer and no byte for {stall:g} s"
    if "TooManyRedirects" in name:
        return "it redirects in a circle"
    return (str(error).strip() or name).splitlines()[0].rstrip(".")
