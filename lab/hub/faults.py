"""Fault injection: rules that define which requests fail, and how.

A rule is an object such as `{"path": "/cdn/.*00002", "fault": "cut", "after": 1000000, "times": 1}`. `path` is a
regular expression that is searched in the decoded path and query (`/a b?Revision=master`). `times` limits how often
the rule fires (0, the default: always), for all clients and files together or, with `"each": true`, per client address
and path. All rules that match a request apply, the first in the list outermost.
"""

import asyncio
import re
from abc import ABC, abstractmethod
from collections import Counter
from functools import partial
from typing import Annotated, Any, Literal
from urllib.parse import unquote_plus

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, TypeAdapter
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lab.hub.wan import pieces

NO_HASHES = "lab.no_hashes"  # key of a request's scope
STEPS = 10  # pieces per second of a slow response

Count = Annotated[int, Field(ge=0)]


class CutError(Exception):
    """An intentional end of the transfer; uvicorn closes the connection of an incomplete body."""


class Rule(BaseModel, ABC):
    """Base class of rules, with the fire counter."""

    model_config = ConfigDict(extra="forbid", strict=True)

    path: re.Pattern[str]
    times: Count = 0
    each: bool = False
    _fired: Counter[tuple[str, str] | None] = PrivateAttr(default_factory=Counter)

    @property
    def fired(self) -> int:
        """Number of responses that the rule changed."""
        return self._fired.total()

    def fire(self, scope: Scope) -> bool:
        """Count the request, or return False if the limit is reached."""
        key = (scope["client"][0], scope["path"]) if self.each else None
        if self.times and self._fired[key] >= self.times:
            return False
        self._fired[key] += 1
        return True

    @abstractmethod
    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Let `app` answer the request, modified by this rule."""


class Status(Rule):
    """An error instead of the response; `retry_after` (seconds) is sent to the client.

    With `unless_token` the repository is gated: requests with that token succeed.
    """

    fault: Literal["status"]
    status: Literal[401, 403, 404, 416, 429, 500, 503]
    retry_after: Count | None = None
    unless_token: str = ""

    def has_token(self, scope: Scope) -> bool:
        """Return whether the request contains the token, in the header of the Hub or the cookie of ModelScope."""
        shown = Headers(scope=scope)
        return bool(self.unless_token) and self.unless_token in shown.get("authorization", "") + shown.get("cookie", "")

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Return the error."""
        if not self.has_token(scope) and self.fire(scope):
            headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
            message = f"status {self.status} by a rule of the lab"
            app = JSONResponse({"error": message, "Message": message}, self.status, headers)
        await app(scope, receive, send)


class RedirectLoop(Rule):
    """A redirect to the same URL."""

    fault: Literal["redirect_loop"]

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Return the redirect."""
        await (RedirectResponse(Request(scope).url, 302) if self.fire(scope) else app)(scope, receive, send)


class IgnoreRange(Rule):
    """The complete file with status 200 although a range was requested."""

    fault: Literal["ignore_range"]

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Remove the Range header of the request."""
        if "range" in Headers(scope=scope) and self.fire(scope):
            scope = {**scope, "headers": [header for header in scope["headers"] if header[0] != b"range"]}
        await app(scope, receive, send)


class NoHashes(Rule):
    """Metadata without SHA-256 and without git's object ids."""

    fault: Literal["no_hashes"]

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the handlers omit hashes."""
        await app({**scope, NO_HASHES: True} if self.fire(scope) else scope, receive, send)


class Slow(Rule):
    """A response whose body is sent at `rate` bytes per second."""

    fault: Literal["slow"]
    rate: Annotated[int, Field(gt=0)]

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the body in small pieces with pauses."""

        async def trickle(message: Message) -> None:
            for piece in pieces(message, max(self.rate // STEPS, 1)):
                await asyncio.sleep(len(piece.get("body", b"")) / self.rate)
                await send(piece)

        await app(scope, receive, trickle if self.fire(scope) else send)


class Corrupt(Rule):
    """The byte at the offset `at` is inverted; announced sizes and hashes are unchanged."""

    fault: Literal["corrupt"]
    at: Count

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Invert the byte if the response contains it."""
        position = 0

        async def invert(message: Message) -> None:
            nonlocal position
            if message["type"] == "http.response.start":
                position = _first_byte(message)
            body = message.get("body", b"")
            here = self.at - position
            if 0 <= here < len(body) and self.fire(scope):
                message = {**message, "body": body[:here] + bytes([body[here] ^ 0xFF]) + body[here + 1 :]}
            position += len(body)
            await send(message)

        await app(scope, receive, invert)


class Cut(Rule):
    """The connection is closed after `after` bytes of the body, if it has more."""

    fault: Literal["cut"]
    after: Count

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Send an incomplete response."""
        await _truncate(self, self.after, app, scope, receive, send)

    async def finish(self, receive: Receive) -> None:
        """Return, which closes the connection."""


class Stall(Rule):
    """Nothing is sent after `after` bytes of the body (0: not even the headers); the connection remains open."""

    fault: Literal["stall"]
    after: Count

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Send an incomplete response and keep the client waiting."""
        if self.after == 0 and self.fire(scope):
            await self.finish(receive)
        else:
            await _truncate(self, self.after, app, scope, receive, send)

    async def finish(self, receive: Receive) -> None:
        """Wait until the client gives up."""
        while (await receive())["type"] != "http.disconnect":
            pass


AnyRule = Status | RedirectLoop | IgnoreRange | NoHashes | Slow | Corrupt | Cut | Stall
_RULES: TypeAdapter[list[AnyRule]] = TypeAdapter(list[Annotated[AnyRule, Field(discriminator="fault")]])


def parse_rules(text: str | bytes) -> list[AnyRule]:
    """Parse a JSON list of rules. Raises pydantic.ValidationError if invalid."""
    return _RULES.validate_json(text)


class Faults:
    """Wraps the hub's application and applies `rules` to it; the list may be replaced at any time."""

    def __init__(self, app: ASGIApp, rules: list[AnyRule] | None = None) -> None:
        self.app = app
        self.rules = rules or []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request with the current rules."""
        query = unquote_plus(scope.get("query_string", b"").decode())
        target = f"{scope['path']}?{query}" if query else scope["path"]
        app = self.app
        for rule in reversed(self.rules):
            if rule.path.search(target):
                app = partial(rule.serve, app)
        await app(scope, receive, send)

    def as_list(self) -> list[dict[str, Any]]:
        """Return the rules, each with the number of times it `fired`."""
        return [{**rule.model_dump(mode="json"), "fired": rule.fired} for rule in self.rules]


def includes_hashes(request: Request) -> bool:
    """Return whether the response to `request` may contain hashes."""
    return not request.scope.get(NO_HASHES, False)


async def _truncate(rule: Cut | Stall, after: int, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Send at most `after` bytes of the body, then end the response as `rule` defines."""
    sent = 0

    async def truncate(message: Message) -> None:
        nonlocal sent
        body = message.get("body", b"")
        if sent + len(body) > after and rule.fire(scope):
            await send({**message, "body": body[: max(after - sent, 0)], "more_body": True})
            await rule.finish(receive)
            raise CutError
        sent += len(body)
        await send(message)

    try:
        await app(scope, receive, truncate)
    except CutError:
        return


def _first_byte(start: Message) -> int:
    """Return the file offset of the first body byte of this response."""
    content_range = Headers(raw=start["headers"]).get("content-range", "")
    found = re.match(r"bytes (\d+)-", content_range)
    return int(found[1]) if found else 0
