"""Streams and constant requests of two clients through the gateway, in threads, until they are stopped."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.gateway.answers import CHAT
from tests.gateway.conftest import KEYS, Gateway

MODEL = "small"
EVENT_SECONDS = 0.5
REQUEST_SECONDS = 0.05  # between two requests of a sender


@dataclass(frozen=True)
class Sent:
    """A request that has its answer; `begin` is a time of `time.monotonic()`."""

    client: str
    begin: float
    status: int


@dataclass
class Load:
    """What the clients have received until now."""

    sent: list[Sent] = field(default_factory=list)
    events: dict[int, int] = field(default_factory=dict)
    """Number of events of each stream."""
    ended: threading.Event = field(default_factory=threading.Event)

    def stream(self, gateway: Gateway, number: int, client: str) -> None:
        """Read a stream; raises if it ends or breaks."""
        with gateway.streaming(KEYS[client], MODEL, EVENT_SECONDS) as events:
            while not self.ended.is_set():
                next(events)
                self.events[number] = self.events.get(number, 0) + 1

    def send(self, gateway: Gateway, client: str) -> None:
        """Send one request after the other on one connection."""
        with gateway.client(headers={"Authorization": f"Bearer {KEYS[client]}"}) as session:
            while not self.ended.is_set():
                begin = time.monotonic()
                status = session.post(CHAT, json={"model": MODEL, "prompt": str(begin)}).status_code
                self.sent.append(Sent(client, begin, status))
                self.ended.wait(REQUEST_SECONDS)

    def statuses(self, client: str, since: float = 0) -> set[int]:
        """Return the statuses of a client's requests that were sent after a time."""
        return {request.status for request in [*self.sent] if request.client == client and request.begin >= since}

    def all_streams_received(self) -> Callable[[], bool]:
        """Return whether each stream has received an event since this call."""
        before = dict(self.events)
        return lambda: all(count > before[number] for number, count in [*self.events.items()])


@contextmanager
def load(gateway: Gateway, streams: int, senders: int, clients: tuple[str, str]) -> Iterator[Load]:
    """Share streams and senders among the clients, and wait for the first event of each stream.

    At the end, raise what broke a stream or a request.
    """
    running = Load()
    with ThreadPoolExecutor(streams + senders) as pool:
        work: list[Future[None]] = []
        try:
            work += [pool.submit(running.stream, gateway, n, clients[n % 2]) for n in range(streams)]
            gateway.until(lambda: len(running.events) == streams, 60)
            work += [pool.submit(running.send, gateway, clients[n % 2]) for n in range(senders)]
            gateway.until(lambda: {request.client for request in [*running.sent]} == {*clients}, 60)
            yield running
        finally:
            running.ended.set()
        for each in work:
            each.result()
