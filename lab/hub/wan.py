"""The line between the hub and its clients: measured, and where asked for slow and unreliable."""

import asyncio
import logging
import time
from collections import Counter, defaultdict
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("lab.hub")


class Stats:
    """What each client was sent."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.bytes: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def as_dict(self) -> dict[str, Any]:
        """Bytes of response bodies and numbers of requests, in all, by client address and by URL path."""
        clients = {
            client: {"requests": count, "bytes": self.bytes[client].total(), "paths": dict(self.bytes[client])}
            for client, count in sorted(self.requests.items())
        }
        return {
            "requests": self.requests.total(),
            "bytes": sum(client["bytes"] for client in clients.values()),
            "clients": clients,
        }


class Wan:
    """Wraps the hub's application and counts, delays and cuts what it sends.

    `rate` is in bytes a second and shared by all connections; each client's first transfer of each URL is cut after
    `fail_after` bytes of its body. None leaves it out. Paths below /_lab/ are neither counted nor changed.
    """

    def __init__(self, app: ASGIApp, stats: Stats, rate: float | None, fail_after: int | None) -> None:
        self.app = app
        self.stats = stats
        self.rate = rate
        self.fail_after = fail_after
        self._free_at = 0.0  # monotonic time at which the line has sent all that was given to it
        self._cut: set[tuple[str, str]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request on this line."""
        if scope["type"] != "http" or scope["path"].startswith("/_lab/"):
            await self.app(scope, receive, send)
            return
        client, path = scope["client"][0], scope["path"]
        may_cut = self.fail_after is not None and (client, path) not in self._cut
        started, status, sent = time.monotonic(), 0, 0

        async def send_on_line(message: Message) -> None:
            nonlocal status, sent
            status = message.get("status", status)
            body = message.get("body", b"")
            if may_cut and self.fail_after is not None and sent + len(body) > self.fail_after:
                message = {"type": "http.response.body", "body": body[: self.fail_after - sent], "more_body": True}
                body = message["body"]
                self._cut.add((client, path))
            await self._pass(len(body))
            await send(message)
            sent += len(body)
            self.stats.bytes[client][path] += len(body)
            if may_cut and (client, path) in self._cut:
                raise CutError

        self.stats.requests[client] += 1
        try:
            await self.app(scope, receive, send_on_line)
        except CutError:  # returning without the rest of the body makes uvicorn close the connection
            log.info("cut %s %s after %d bytes", client, path, sent)
        took = time.monotonic() - started
        log.info("%s %s %s %d, %d bytes, %.3f s", client, scope["method"], path, status, sent, took)

    async def _pass(self, size: int) -> None:
        """Wait until the line has carried `size` more bytes."""
        if self.rate is not None and size:
            now = time.monotonic()
            self._free_at = max(now, self._free_at) + size / self.rate
            await asyncio.sleep(self._free_at - now)


class CutError(Exception):
    """The transfer is cut on purpose."""
