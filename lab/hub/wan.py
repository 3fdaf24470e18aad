"""The line between the hub and its clients: measured, and as slow as asked for."""

import asyncio
import logging
import time
from collections import Counter, defaultdict
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SLICE = 0.02  # seconds that the line gives to one connection before it turns to the next
SMALLEST = 1024  # bytes of such a slice at least
LATE = 0.1  # seconds that a sender may be late without the line having been idle: a busy machine wakes it late

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
    """What the line has carried."""

    def __init__(self) -> None:
        self.active = 0  # transfers of a body at this moment
        self.reset()

    def reset(self) -> None:
        """Begin to count again; transfers that run go on being counted."""
        self.requests: Counter[str] = Counter()
        self.bytes: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.most_active = self.active

    def begin(self) -> None:
        """A body is on its way."""
        self.active += 1
        self.most_active = max(self.most_active, self.active)

    def as_dict(self) -> dict[str, Any]:
        """Bytes of response bodies and numbers of requests, in all, by URL path and by client address."""
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
    """Wraps the hub's application and counts and delays what it sends.

    `rate` is in bytes a second, shared by all connections, and may be changed at any time; None: no limit.
    """

    def __init__(self, app: ASGIApp, stats: Stats, rate: float | None = None) -> None:
        self.app = app
        self.stats = stats
        self.rate = rate
        self._free_at = 0.0  # monotonic time at which the line has sent all that was given to it

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
            took = time.monotonic() - started
            log.info("%s %s %s %d, %d bytes, %.3f s", client, method, path, status, sent, took)

    def _slice(self, size: int) -> int:
        """How many of `size` bytes go at once, so that connections share the line evenly."""
        return size if self.rate is None else max(int(self.rate * SLICE), SMALLEST)

    async def _pass(self, size: int) -> None:
        """Wait until the line has carried `size` more bytes."""
        if self.rate is not None and size:
            now = time.monotonic()
            if now - self._free_at > LATE:
                self._free_at = now
            self._free_at += size / self.rate
            await asyncio.sleep(self._free_at - now)
