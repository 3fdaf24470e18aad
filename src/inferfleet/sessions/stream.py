"""Runs the sessions of all hosts and passes on what they print, line by line."""

import contextlib
import queue
import random
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import IO

from inferfleet.sessions.connect import Session

_ERROR_CHARACTERS = 300
_WAIT = 5.0  # seconds for a session to end after its input was closed
_PAUSES = (2.0, 4.0)  # seconds before another attempt
# Of ssh when a server drops a connection, as a jump host does with many at once (sshd_config, MaxStartups).
_DROPPED = re.compile(r"kex_exchange_identification|banner exchange|Connection (closed|reset) by")


@dataclass(frozen=True, slots=True)
class Line:
    """A line that a session printed."""

    host: str
    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a session; `reason` is the last error line, empty after success."""

    host: str
    reason: str


class Streams:
    """Sessions that run while the context is open."""

    def __init__(self, sessions: Sequence[Session]) -> None:
        self._sessions = sessions
        self._queue: queue.Queue[Line | Ended] = queue.Queue(maxsize=100_000)
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self.running = 0

    def __enter__(self) -> "Streams":
        for session in self._sessions:
            self._start(session)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed.set()
        with self._lock:
            processes = [*self._processes]
        for process in processes:
            _close(process.stdin)  # ends the program on the node
            process.terminate()
        for process in processes:
            try:
                process.wait(_WAIT)
            except subprocess.TimeoutExpired:
                process.kill()

    def restart(self, session: Session) -> None:
        """Start a session that has ended again."""
        self._start(session)

    def items(self, seconds: float) -> Iterator[Line | Ended]:
        """Yield what arrives within some seconds; ends earlier when all sessions have ended."""
        until = time.monotonic() + seconds
        while self.running and (left := until - time.monotonic()) > 0:
            try:
                item = self._queue.get(timeout=left)
            except queue.Empty:
                return
            self.running -= isinstance(item, Ended)
            yield item

    def _start(self, session: Session) -> None:
        self.running += 1
        threading.Thread(target=self._run, args=(session,), daemon=True).start()

    def _run(self, session: Session) -> None:
        reason = ""
        for seconds in (*_PAUSES, 0.0):
            reason, again = self._attempt(session)
            # At random: the connections that a server dropped would return at the same time.
            if not again or not seconds or self._closed.wait(random.uniform(seconds / 2, seconds)):
                break
        self._queue.put(Ended(session.host, reason[:_ERROR_CHARACTERS]))

    def _attempt(self, session: Session) -> tuple[str, bool]:
        """Run a session to its end; return why it failed, and whether its connection was only dropped."""
        try:
            # A session of its own: Ctrl-C must not end ssh before the program on the node.
            process = subprocess.Popen(
                session.argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            return str(error), False
        with self._lock:
            self._processes.add(process)
        if self._closed.is_set():  # since the thread was started
            process.terminate()
        try:
            printed, errors = self._read(session, process)
        finally:
            code = process.wait()
            # A host that stays unreachable is connected to again and again.
            with self._lock:
                self._processes.discard(process)
            for pipe in (process.stdin, process.stdout, process.stderr):
                _close(pipe)
        reason = (errors[-1] if errors else f"exit code {code}") if code else ""
        return reason, bool(code and not printed and any(map(_DROPPED.search, errors)))

    def _read(self, session: Session, process: subprocess.Popen[bytes]) -> tuple[bool, list[str]]:
        """Pass on what a session prints; return whether it printed anything, and its errors."""
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        errors: list[str] = []
        printed = False
        reader = threading.Thread(target=lambda: errors.extend(_lines(process.stderr.read())), daemon=True)  # type: ignore[union-attr]
        reader.start()
        try:
            if session.password is not None:
                process.stdin.write(f"{session.password}\n".encode())
                process.stdin.flush()
            for line in process.stdout:
                printed = True
                self._queue.put(Line(session.host, line.decode(errors="replace").rstrip("\n")))
        except (OSError, ValueError):
            pass  # the end is reported by the caller
        reader.join()
        return printed, errors


def _close(pipe: IO[bytes] | None) -> None:
    with contextlib.suppress(OSError):  # what was not written is lost with the program
        if pipe:
            pipe.close()


def _lines(output: bytes) -> list[str]:
    return [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
