"""Runs the sessions of all hosts and passes on what they print, line by line."""

import queue
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType

from inferfleet.sessions.connect import Session

_ERROR_CHARACTERS = 300
_WAIT = 5.0  # seconds for a session to end after its input was closed


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
        self._processes: list[subprocess.Popen[bytes]] = []
        self.running = 0

    def __enter__(self) -> "Streams":
        for session in self._sessions:
            self._start(session)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            if process.stdin:
                process.stdin.close()  # ends the program on the node
            process.terminate()
        for process in self._processes:
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
            self._queue.put(Ended(session.host, str(error)))
            return
        self._processes.append(process)
        threading.Thread(target=self._read, args=(session, process), daemon=True).start()

    def _read(self, session: Session, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        errors: list[str] = []
        reader = threading.Thread(target=lambda: errors.extend(_lines(process.stderr.read())), daemon=True)  # type: ignore[union-attr]
        reader.start()
        try:
            if session.password is not None:
                process.stdin.write(f"{session.password}\n".encode())
                process.stdin.flush()
            for line in process.stdout:
                self._queue.put(Line(session.host, line.decode(errors="replace").rstrip("\n")))
        except (OSError, ValueError):
            pass  # the end is reported below
        code = process.wait()
        reader.join()
        reason = (errors[-1] if errors else f"exit code {code}") if code else ""
        self._queue.put(Ended(session.host, reason[:_ERROR_CHARACTERS]))


def _lines(output: bytes) -> list[str]:
    return [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
