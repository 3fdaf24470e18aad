"""Clients that stream chat completions over keep-alive connections, and what they measured."""

import asyncio
import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import quantiles


@dataclass(frozen=True)
class Target:
    """Where the requests are sent."""

    port: int
    key: str
    tls: ssl.SSLContext | None = None


@dataclass
class Result:
    """Times to the first event in seconds, and what failed."""

    ttft: list[float] = field(default_factory=list)
    failed: int = 0
    seconds: float = 0

    def percentile(self, percent: int) -> float:
        """Return a percentile of the time to the first event in milliseconds."""
        return quantiles(self.ttft, n=100, method="inclusive")[percent - 1] * 1000

    @property
    def rate(self) -> float:
        """Return requests for each second."""
        return len(self.ttft) / self.seconds


def request(target: Target, number: int, prompt_bytes: int) -> bytes:
    """Return a request of HTTP/1.1."""
    text = f"{number} ".ljust(prompt_bytes, "x")
    body = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": text}]}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {target.key}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def load(
    target: Target,
    streams: int,
    count: int,
    prompt_bytes: int,
    opened: Callable[[], None] = lambda: None,
    spread: float = 0,
) -> Result:
    """Send `count` requests by `streams` clients; `opened` is called when each client has its first event.

    All connections are opened before. The first requests are spread over `spread` seconds; with 0, all are sent at
    once, and so are, with an engine whose answers take equally long, all further ones.
    """
    result, numbers, waiting = Result(), iter(range(count)), [streams]

    async def client(place: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(spread * place / streams)
        for turn, number in enumerate(numbers):
            sent = time.perf_counter()
            writer.write(request(target, number, prompt_bytes))
            ok = (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            await reader.readuntil(b"data: ")
            first = time.perf_counter() - sent
            if turn == 0:
                waiting[0] -= 1
                if not waiting[0]:
                    opened()
            await reader.readuntil(b"[DONE]")
            await reader.readuntil(b"0\r\n\r\n")
            result.ttft.append(first)
            result.failed += not ok
        writer.close()

    opening = (asyncio.open_connection("127.0.0.1", target.port, ssl=target.tls) for _ in range(streams))
    connections = await asyncio.gather(*opening)
    begin = time.perf_counter()
    clients = (client(place, *connection) for place, connection in enumerate(connections))
    ended = await asyncio.gather(*clients, return_exceptions=True)
    result.seconds = time.perf_counter() - begin
    result.failed += sum(isinstance(end, BaseException) for end in ended)
    return result
