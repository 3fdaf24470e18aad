"""Files behind URLs that take Range requests."""

from __future__ import annotations

import abc
import re

from ansible.module_utils.weights.sources.source import SILENCE, Pace, Source, SourceError, StoppedError, cause


class Ranged(Source, abc.ABC):
    """Files behind URLs that take Range requests."""

    @abc.abstractmethod
    def url(self, name):
        """Return where a file lies."""

    def headers(self):
        """Return the headers of each request."""
        return {}

    def fetch(self, sink):
        """Fetch what `sink` lacks, gap by gap."""
        for begin, end in sink.gaps():
            self._fetch(sink, begin, end)

    def _fetch(self, sink, begin, end):
        from huggingface_hub.utils import get_session

        headers = {**self.headers(), "Accept-Encoding": "identity"}
        if (begin, end) != (0, sink.size):
            headers["Range"] = f"bytes={begin}-{end - 1}"
        pace = Pace(self.min_rate, self.stall)
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
                    pace.see(len(block))
        except (SourceError, StoppedError, OSError):
            raise
        except Exception as error:
            raise SourceError(cause(error, self.stall), silent=bool(SILENCE.search(type(error).__name__))) from error
        if at < end:
            raise SourceError(f"the connection ended after {at - begin} of {end - begin} bytes")


def _begin(answer, begin, size):
    """Return where in the file an answer begins; raise what speaks against it."""
    if answer.status_code >= 400:
        try:
            wait = float(answer.headers.get("Retry-After", 0))
        except ValueError:
            wait = 0.0
        meaning = {
            401: "needs a token",
            403: "refuses access",
            404: "does not have it",
            429: "limits the rate",
        }.get(answer.status_code, "fails")
        raise SourceError(f"HTTP {answer.status_code}: it {meaning}", wait)
    ranged = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
    first, total = (int(ranged[1]), ranged[2]) if answer.status_code == 206 and ranged else (0, "*")
    if answer.status_code != 206:
        total = answer.headers.get("Content-Length", "*")
    if first > begin or total not in ("*", str(size)):
        raise SourceError(f"it has {total} bytes there, the manifest says {size}")
    return first
