"""A steady load of streaming requests to one replica, and short probes that show when it answers."""

import json
import socket
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import httpx
from tests.faults.cluster import MODEL, QUESTION, Replica, api_key

PROBE_SECONDS = 5.0  # a completion of one token on two busy cores
RETRY_SECONDS = 0.5
KEEPALIVE = [  # a client whose server lost its power notices it when the server is back
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 2),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 30),
]


@dataclass(frozen=True)
class Outcome:
    """One request: its begin and end in seconds since the epoch, and whether it was answered completely."""

    begin: float
    end: float
    ok: bool
    error: str = ""


@dataclass
class StreamLoad:
    """Clients that stream answers one after another, and a client that probes with single tokens."""

    replica: Replica
    clients: int = 2
    tokens: int = 48
    prompt: str = QUESTION.question
    streams: list[Outcome] = field(default_factory=list)
    probes: list[Outcome] = field(default_factory=list)
    probing: bool = True

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        workers = [self._stream] * self.clients + [self._probe] * self.probing
        self._threads = [threading.Thread(target=work, daemon=True) for work in workers]
        self._headers = {"Authorization": f"Bearer {api_key()}"}

    def __enter__(self) -> "StreamLoad":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=10)

    def _session(self, read_timeout: float) -> httpx.Client:
        timeout = httpx.Timeout(read_timeout, connect=PROBE_SECONDS)
        transport = httpx.HTTPTransport(socket_options=KEEPALIVE)
        return httpx.Client(base_url=self.replica.api, headers=self._headers, timeout=timeout, transport=transport)

    def _body(self, **settings: Any) -> dict[str, Any]:
        return {"model": MODEL, "messages": [{"role": "user", "content": self.prompt}], "temperature": 0, **settings}

    def _record(self, kept: list[Outcome], begin: float, error: str) -> None:
        if not self._stop.is_set():  # a stream that the end of the load interrupts has not failed
            kept.append(Outcome(begin, time.time(), not error, error))
        if error:
            self._stop.wait(RETRY_SECONDS)

    def _stream(self) -> None:
        body = self._body(stream=True, max_tokens=self.tokens, ignore_eos=True)
        with self._session(read_timeout=600) as session:  # a hang is the supervisor's to notice, not the client's
            while not self._stop.is_set():
                begin = time.time()
                self._record(self.streams, begin, self._read(session, body))

    def _read(self, session: httpx.Client, body: dict[str, Any]) -> str:
        """Read a stream to its end; returns the error, empty if it is complete."""
        last = ""
        try:
            with session.stream("POST", "/v1/chat/completions", json=body) as answer:
                if answer.status_code != 200:
                    return f"HTTP {answer.status_code}"
                for line in answer.iter_lines():
                    if self._stop.is_set():
                        return ""
                    last = line or last
                    if line.startswith("data: {") and "error" in json.loads(line[6:]):
                        return line
        except httpx.HTTPError as error:
            return type(error).__name__
        return "" if last == "data: [DONE]" else "the stream ended early"

    def _probe(self) -> None:
        body = self._body(max_tokens=1)
        with self._session(read_timeout=PROBE_SECONDS) as session:
            while not self._stop.wait(RETRY_SECONDS):
                begin = time.time()
                try:
                    status = session.post("/v1/chat/completions", json=body).status_code
                    self._record(self.probes, begin, "" if status == 200 else f"HTTP {status}")
                except httpx.HTTPError as error:
                    self._record(self.probes, begin, type(error).__name__)

    def failed(self, since: float = 0) -> list[Outcome]:
        """Return the streams that ended without a complete answer after a time."""
        return [stream for stream in self.streams if not stream.ok and stream.end >= since]
