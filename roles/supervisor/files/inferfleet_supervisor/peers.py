"""Messages between the nodes of a replica: reports and commands to the leader, and its answers."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from inferfleet_supervisor.exchange import FAILURES, answer_bytes, receive, request
from inferfleet_supervisor.messages import (
    BODY_LIMIT,
    HEALTH_PATH,
    NONCE,
    SECONDS,
    Token,
    answer_headers,
    answer_is_valid,
    request_headers,
    request_is_valid,
)
from inferfleet_supervisor.metrics import CONTENT_TYPE, METRICS_PATH

COMMAND_PATH = "/v1/command"
_STALE = 409  # the challenge is not that of the last answer

Handler = Callable[[Mapping[str, Any]], dict[str, Any]]


class RejectedError(Exception):
    """The leader does not answer, or not as one that has the token; the text is the reason."""


class Client:
    """Sends messages to the leader."""

    def __init__(self, node: str, address: str, port: int, token: Token) -> None:
        self.node, self.address, self.port, self.token = node, address, port, token
        self.challenge = ""

    async def send(self, path: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return the leader's answer. Raises RejectedError."""
        for _ in range(2):  # the first answer after a start of either side is only a challenge
            status, content = await self._post(path, {"node": self.node, "challenge": self.challenge, "data": data})
            self.challenge = str(content.get("challenge", ""))
            if status != _STALE:
                break
        if status != 200:
            raise RejectedError(str(content.get("error") or f"HTTP {status}"))
        return dict(content["data"])

    async def _post(self, path: str, message: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        token = self.token.read()
        body = json.dumps(message).encode()
        headers = request_headers(token, "POST", path, body)
        try:
            sent = request(self.address, self.port, "POST", path, body, headers, BODY_LIMIT)
            answer = await asyncio.wait_for(sent, SECONDS)
        except FAILURES as error:
            raise RejectedError(str(error) or "timeout") from error
        if not answer_is_valid(token, headers[NONCE], answer.status, answer.headers, answer.body):
            raise RejectedError(f"HTTP {answer.status}, not signed with the token of this node")
        content = json.loads(answer.body)
        return answer.status, content


class Server:
    """Answers members, the gateway's requests for the health, and Prometheus' for the metrics."""

    def __init__(
        self,
        token: Token,
        handlers: Mapping[str, Handler],
        health: Callable[[], dict[str, Any]],
        metrics: Callable[[], str],
    ) -> None:
        self.token, self.handlers, self.health, self.metrics = token, {**handlers}, health, metrics
        self.challenges: dict[str, str] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        try:
            writer.write(await asyncio.wait_for(self._answer(reader), SECONDS))
            await asyncio.wait_for(writer.drain(), SECONDS)
        except FAILURES:  # nothing is answered to what is no request
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        try:
            received = await receive(reader, BODY_LIMIT)
        except OverflowError:
            return answer_bytes(413, b"{}")
        if (received.method, received.path) == ("GET", HEALTH_PATH):
            return answer_bytes(200, json.dumps(self.health()).encode())
        if (received.method, received.path) == ("GET", METRICS_PATH):
            return answer_bytes(200, self.metrics().encode(), {"Content-Type": CONTENT_TYPE})
        handler = self.handlers.get(received.path)
        if received.method != "POST" or handler is None:
            return answer_bytes(404, b"{}")
        token = self.token.read()
        if not request_is_valid(token, received.method, received.path, received.headers, received.body):
            return answer_bytes(401, b"{}")
        status, content = self._handle(handler, received.body)
        body = json.dumps(content).encode()
        return answer_bytes(status, body, answer_headers(token, received.headers[NONCE], status, body))

    def _handle(self, handler: Handler, body: bytes) -> tuple[int, dict[str, Any]]:
        """Return status and content of the answer to a signed message; each challenge is accepted once."""
        try:
            message = json.loads(body)
            node, challenge, data = str(message["node"]), str(message["challenge"]), message["data"]
            expected = self.challenges.get(node)
            self.challenges[node] = secrets.token_hex(16)
            fresh = {"challenge": self.challenges[node]}
            if not expected or challenge != expected:
                return _STALE, fresh
            return 200, {**fresh, "data": handler({**data, "node": node})}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return 400, {"error": f"{type(error).__name__}: {error}"}
