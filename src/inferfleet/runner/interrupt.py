"""Stop a run gracefully on a signal of the user or the system.

ansible-runner kills the process group of ansible-playbook, but the workers have their own process groups and would
continue. Therefore ansible-playbook is signaled first: it stops its workers and their child processes.
"""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_GRACE_SECONDS = 10.0  # seconds between SIGINT, SIGTERM and SIGKILL
_STEPS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """Within its `with` block SIGINT, SIGTERM and SIGHUP stop the run instead of this process.

    `pid` is that of ansible-playbook, taken from its events; nothing has changed before the first event.
    """

    def __init__(self, on_interrupt: Callable[[], None]) -> None:
        """`on_interrupt` is called once, from the thread of the run, when the run is stopping."""
        self.pid: int | None = None
        self._on_interrupt = on_interrupt
        self._signals = 0
        self._steps_taken = 0
        self._next_step_at = 0.0
        self._workers: list[int] = []
        self._before: dict[int, signal._HANDLER] = {}

    @property
    def interrupted(self) -> bool:
        """Return whether a signal was received."""
        return self._signals > 0

    def __enter__(self) -> "Interrupt":
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A module that is just starting can miss SIGINT; its process group id is the pid of its worker.
        for group in self._workers:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGTERM)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1

    def abandon(self) -> None:
        """Terminate ansible-playbook because this process can no longer monitor it."""
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def must_kill(self) -> bool:
        """Take the next step when it is due; return True when ansible-runner must kill the run.

        A second signal takes the next step immediately.
        """
        if not self._signals:
            return False
        due = self._signals > self._steps_taken or time.monotonic() >= self._next_step_at
        if not due:
            return False
        if self._steps_taken == 0:
            self._workers = _children(self.pid)
            self._on_interrupt()
        step, self._steps_taken = self._steps_taken, self._steps_taken + 1
        self._next_step_at = time.monotonic() + _GRACE_SECONDS
        if self.pid is None or step >= len(_STEPS):
            return True
        with suppress(ProcessLookupError):
            os.kill(self.pid, _STEPS[step])
        return False


def _children(pid: int | None) -> list[int]:
    """Return the child processes of a process; none without /proc."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
