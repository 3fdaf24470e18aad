"""HTTP/1.0 over asyncio streams: one request a connection, to Docker's socket, the leader and the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

TIMEOUT = asyncio.TimeoutError  # before Python 3.11, not the builtin one
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
FAILURES = (OSError, EOFError, ValueError, TIMEOUT)  # EOFError: asyncio.IncompleteReadError


class Answer(NamedTuple):
    """Status, headers in lower case, and body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Request(NamedTuple):
    """What a client sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


async def connect(address: str, port: int) -> Streams:
    """Open a TCP connection, or one to a Unix socket if the port is 0."""
    if port == 0:
        return await asyncio.open_unix_connection(address)
    return await asyncio.open_connection(address, port)


async def accepts(address: str, port: int, seconds: float) -> bool:
    """Return whether a TCP port accepts a connection within some seconds."""
    try:
        streams = await asyncio.wait_for(connect(address, port), seconds)
    except FAILURES:
        return False
    streams[1].close()
    return True


async def send(
    streams: Streams, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Answer:
    """Send a request and return the answer without its body, which is left in the stream."""
    reader, writer = streams
    fields = {"Host": "localhost", "Connection": "close", **(headers or {})}
    if body or method == "POST":
        fields.update({"Content-Type": "application/json", "Content-Length": str(len(body))})
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    writer.write(f"{method} {path} HTTP/1.0\r\n{head}\r\n".encode() + body)
    await writer.drain()
    first, answered = await _head(reader)
    return Answer(int(first.split()[1]), answered, b"")


async def request(
    address: str,
    port: int,
    method: str,
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    limit: int = 8 << 20,
) -> Answer:
    """Return the answer to a request. Raises one of FAILURES; has no timeout of its own."""
    streams = await connect(address, port)
    try:
        answer = await send(streams, method, path, body, headers)
        return answer._replace(body=await _read(streams[0], limit))
    except IndexError as error:
        raise ValueError("not HTTP") from error
    finally:
        streams[1].close()


async def receive(reader: asyncio.StreamReader, limit: int) -> Request:
    """Return the request of a client. Raises ValueError where it is none, OverflowError where its body is too long."""
    first, headers = await _head(reader)
    words = first.split()
    if len(words) != 3:
        raise ValueError("not HTTP")
    length = headers.get("content-length", "0")
    if not length.isdigit():
        raise ValueError("not a length")
    if int(length) > limit:
        raise OverflowError(length)
    return Request(words[0], words[1], headers, await reader.readexactly(int(length)))


def answer_bytes(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    """Return an answer as sent."""
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
    fields.update(headers or {})
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.0 {status} .\r\n{head}\r\n".encode() + body


async def _head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]]:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise ValueError("header too long") from error
    lines = head.decode("latin-1").split("\r\n")
    fields = (line.partition(":") for line in lines[1:] if line)
    return lines[0], {name.strip().lower(): value.strip() for name, _, value in fields}


async def _read(reader: asyncio.StreamReader, limit: int) -> bytes:
    content = b""
    while len(content) < limit:
        part = await reader.read(65536)
        if not part:
            break
        content += part
    return content
