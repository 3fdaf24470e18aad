"""The line between the hub and its clients: measured and rate-limited."""

import asyncio
import logging
import time
from collections import Counter, defaultdict
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SLICE = 0.02  # seconds of line time per connection before the next one
SMALLEST = 1024  # minimum bytes of a slice
LATE = 0.1  # seconds of scheduling delay of a sender that do not count as idle time

log = logging.getLogger("lab.hub")


def pieces(message: Message, size: int) -> list[Message]:
    """Split a message with a body into messages of at most `size` bytes of it each."""
    body = message.get("body", b"")
    if len(body) <= size:
        return [message]
    parts: list[Message] = [
        {**message, "body": body[start : start + size], "more_body": True} for start in range(0, len(body), size)
    ]
    parts[-1]["more_body"] = message.get("more_body", False)
    return parts


class Stats:
    """Traffic counters."""

    def __init__(self) -> None:
        self.active = 0  # current transfers of a body
        self.reset()

    def reset(self) -> None:
        """Reset the counters; running transfers continue to be counted."""
        self.requests: Counter[str] = Counter()
        self.bytes: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.most_active = self.active

    def begin(self) -> None:
        """Count the start of a transfer."""
        self.active += 1
        self.most_active = max(self.most_active, self.active)

    def as_dict(self) -> dict[str, Any]:
        """Return bytes of response bodies and numbers of requests: total, by URL path and by client address."""
        clients = {
            client: {"requests": count, "bytes": self.bytes[client].total(), "paths": dict(self.bytes[client])}
            for client, count in sorted(self.requests.items())
        }
        paths = sum(self.bytes.values(), Counter[str]())
        return {
            "requests": self.requests.total(),
            "bytes": paths.total(),
            "most_simultaneous_transfers": self.most_active,
            "paths": dict(sorted(paths.items())),
            "clients": clients,
        }


class Wan:
    """Wraps the hub application, and counts and delays its responses.

    `rate` is in bytes per second, shared by all connections, and may be changed at any time; None: no limit.
    """

    def __init__(self, app: ASGIApp, stats: Stats, rate: float | None = None) -> None:
        self.app = app
        self.stats = stats
        self.rate = rate
        self._free_at = 0.0  # monotonic time when the line has sent all queued bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request on this line."""
        client, path, method = scope["client"][0], scope["path"], scope["method"]
        started, status, sent, transfers = time.monotonic(), 0, 0, False

        async def send_on_line(message: Message) -> None:
            nonlocal status, sent, transfers
            status = message.get("status", status)
            size = 0 if method == "HEAD" else len(message.get("body", b""))
            if size and not transfers:
                transfers = True
                self.stats.begin()
            for piece in pieces(message, self._slice(size)):
                count = min(size, len(piece.get("body", b"")))
                await self._pass(count)
                await send(piece)
                sent += count
                self.stats.bytes[client][path] += count

        self.stats.requests[client] += 1
        try:
            await self.app(scope, receive, send_on_line)
        finally:
            self.stats.active -= transfers
            elapsed = time.monotonic() - started
            log.info("%s %s %s %d, %d bytes, %.3f s", client, method, path, status, sent, elapsed)

    def _slice(self, size: int) -> int:
        """Return how many of `size` bytes to send at once, so that connections share the line evenly."""
        return size if self.rate is None else max(int(self.rate * SLICE), SMALLEST)

    async def _pass(self, size: int) -> None:
        """Wait until the line has sent `size` more bytes."""
        if self.rate is not None and size:
            now = time.monotonic()
            if now - self._free_at > LATE:
                self._free_at = now
            self._free_at += size / self.rate
            await asyncio.sleep(self._free_at - now)
