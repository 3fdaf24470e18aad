"""A stub engine that answers at once, so that only the chain in front of it takes time.

    python -m tests.bench.stub_engine PORT [SECONDS [ADDRESS]]

Listens on ADDRESS (127.0.0.1). Streams ten events to each POST request, SECONDS (0) apart; any GET request is answered
with 200.
"""

import asyncio
import json
import re
import sys

EVENTS = 10
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


def chunk(data: bytes) -> bytes:
    """Return a chunk of HTTP/1.1."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(number: int) -> bytes:
    """Return an event as vLLM streams it."""
    choice = {"index": 0, "delta": {"content": f" word{number}"}, "finish_reason": None}
    body = {"id": "chatcmpl-0", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [choice]}
    body["usage"] = {"prompt_tokens": 1000, "total_tokens": 1001 + number, "completion_tokens": 1 + number}
    return chunk(f"data: {json.dumps(body)}\n\n".encode())


class Engine(asyncio.Protocol):
    """A connection of a client."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.received = seconds, b""
        self.events = [event(number) for number in range(EVENTS)]
        self.end = chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"
        self.running: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        """End its streams."""
        for task in self.running:
            task.cancel()

    def data_received(self, data: bytes) -> None:
        """Answer each complete request."""
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self.received[:end])
            size = end + 4 + int(length.group(1) if length else 0)
            if len(self.received) < size:
                return
            post, self.received = self.received.startswith(b"POST"), self.received[size:]
            self.answer(post)

    def answer(self, post: bool) -> None:
        """Answer a request."""
        assert isinstance(self.transport, asyncio.Transport)
        if not post:
            self.transport.write(_OK)
        elif not self.seconds:
            self.transport.write(b"".join([_HEAD, *self.events, self.end]))
        else:
            task = asyncio.get_running_loop().create_task(self.stream(self.transport))
            self.running.add(task)
            task.add_done_callback(self.running.discard)

    async def stream(self, transport: asyncio.Transport) -> None:
        """Write one event after another."""
        transport.write(_HEAD)
        for part in self.events:
            transport.write(part)
            await asyncio.sleep(self.seconds)
        transport.write(self.end)


async def serve(port: int, seconds: float = 0, address: str = "127.0.0.1") -> None:
    """Serve until the process ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Engine(seconds), address, port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), *map(float, sys.argv[2:3]), *sys.argv[3:4]))
