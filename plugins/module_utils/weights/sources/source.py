"""Common parts of all sources: errors and the minimum rate."""

from __future__ import annotations

import re
import time

from ansible.module_utils.messages import N_, Message

# Exception names of httpx and requests, and error codes of aria2c, of unresponsive servers.
NO_ANSWER = re.compile(r"Timeout|Connect(ion)?Error|errorCode=(1|2|6|19) ")


class SourceError(Exception):
    """A source does not deliver a file, or delivers it damaged or too slowly; `reason` is a message.

    `retry_after`: requested waiting time in seconds; `unresponsive`: no data at all, for example if the WAN is down;
    `rate_limited`: it limits the number of requests.
    """

    def __init__(self, reason, retry_after=0.0, unresponsive=False, rate_limited=False):
        super().__init__(str(reason))
        self.reason = reason
        self.retry_after, self.unresponsive, self.rate_limited = retry_after, unresponsive, rate_limited


def refused(error, stall):
    """Return the SourceError for an exception of an HTTP library."""
    answer = getattr(error, "response", None)
    limited = getattr(answer, "status_code", 0) == 429
    return SourceError(cause(error, stall), requested_wait(answer) if limited else 0.0, rate_limited=limited)


def requested_wait(answer):
    """Return the waiting time in seconds that a response requests (Retry-After), 0 if it is absent or a date."""
    try:
        return float(answer.headers.get("Retry-After", 0))
    except ValueError:
        return 0.0


class StoppedError(Exception):
    """The run has ended, or another node has the file: not an error of the source."""


class Source:
    """One entry of `model_weights_sources`."""

    def __init__(self, spec, stall, min_rate):
        self.spec, self.stall, self.min_rate = spec, stall, min_rate
        self.repository, self.revision = spec.get("repository", ""), spec.get("revision") or "main"

    @property
    def title(self):
        """Display name of the source, for reports and errors."""
        named = f"{self.spec['type']} {self.spec.get('endpoint') or self.spec.get('path') or ''}".strip()
        return self.spec.get("title") or named


class RateMonitor:
    """Aborts a transfer that is slower than the minimum rate."""

    WINDOW = 30.0  # seconds

    def __init__(self, min_rate, window=WINDOW):
        self.min_rate, self.window = min_rate, max(window, 1.0)
        self.since, self.bytes = time.monotonic(), 0

    def add(self, count):
        """Count received bytes."""
        self.bytes += count
        passed = time.monotonic() - self.since
        if passed < self.window:
            return
        if self.bytes < self.min_rate * passed:
            slow = N_("only {rate} bytes/s over {seconds} s, the minimum is {minimum}")
            rate, minimum = f"{self.bytes / passed:.0f}", f"{self.min_rate:g}"
            raise SourceError(Message("", slow, rate=rate, seconds=f"{passed:.0f}", minimum=minimum))
        self.since, self.bytes = time.monotonic(), 0


def stalled(seconds):
    """Return the message on a source that sent nothing for this time."""
    return Message("", N_("no data for {seconds} s"), seconds=f"{seconds:g}")


def other_size(size, expected):
    """Return the message on a file whose size differs from the manifest's."""
    return Message(
        "", N_("its size there is {size} bytes, but {expected} in the manifest"), size=size, expected=expected
    )


def cause(error, stall):
    """Return why a library call failed, the library's own text in one line; `stall` is its timeout in seconds."""
    name = type(error).__name__
    if "Timeout" in name:
        return stalled(stall)
    if "TooManyRedirects" in name:
        return Message("", N_("too many redirects"))
    return Message("", "{reason}", reason=(str(error).strip() or name).splitlines()[0].rstrip("."))
