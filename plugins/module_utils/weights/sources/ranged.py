"""Files from servers that support HTTP Range requests."""

from __future__ import annotations

import abc
import re

from ansible.module_utils.messages import N_, Message
from ansible.module_utils.weights.sources.source import (
    NO_ANSWER,
    RateMonitor,
    Source,
    SourceError,
    StoppedError,
    cause,
    other_size,
    requested_wait,
)

_STATUS = {
    401: N_("HTTP {status}: it needs a token"),
    403: N_("HTTP {status}: it denies access"),
    404: N_("HTTP {status}: it does not have the file"),
    429: N_("HTTP {status}: it limits the rate"),
}


class Ranged(Source, abc.ABC):
    """Files from servers that support HTTP Range requests."""

    @abc.abstractmethod
    def url(self, name):
        """Return the URL of a file."""

    def headers(self):
        """Return the headers of each request."""
        return {}

    def fetch(self, sink):
        """Fetch the missing ranges of `sink`."""
        for begin, end in sink.gaps():
            self._fetch(sink, begin, end)

    def _fetch(self, sink, begin, end):
        from huggingface_hub.utils import get_session

        headers = {**self.headers(), "Accept-Encoding": "identity"}
        if (begin, end) != (0, sink.size):
            headers["Range"] = f"bytes={begin}-{end - 1}"
        monitor = RateMonitor(self.min_rate, self.stall)
        at = begin
        try:
            with get_session().stream(
                "GET", self.url(sink.name), headers=headers, timeout=self.stall, follow_redirects=True
            ) as answer:
                at = _begin(answer, begin, sink.size)
                for block in answer.iter_raw():
                    skip = max(0, begin - at)  # a server that ignores Range starts from the beginning
                    at += len(block)
                    sink.count(len(block))
                    block = block[skip : len(block) - max(0, at - end)]
                    if block:
                        sink.write(at - max(0, at - end) - len(block), block)
                    if at >= end:
                        break
                    monitor.add(len(block))
        except (SourceError, StoppedError, OSError):
            raise
        except Exception as error:
            raise SourceError(
                cause(error, self.stall), unresponsive=bool(NO_ANSWER.search(type(error).__name__))
            ) from error
        if at < end:
            ended = N_("the connection ended after {done} of {total} bytes")
            raise SourceError(Message("", ended, done=at - begin, total=end - begin))


def _begin(answer, begin, size):
    """Return the offset of a response in the file; raise SourceError if it is unusable."""
    if answer.status_code >= 400:
        status = answer.status_code
        template = _STATUS[status] if status in _STATUS else N_("HTTP {status}: it fails")
        raise SourceError(Message("", template, status=status), requested_wait(answer))
    ranged = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
    first, total = (int(ranged[1]), ranged[2]) if answer.status_code == 206 and ranged else (0, "*")
    if answer.status_code != 206:
        total = answer.headers.get("Content-Length", "*")
    if first > begin or total not in ("*", str(size)):
        raise SourceError(other_size(total, size))
    return first
