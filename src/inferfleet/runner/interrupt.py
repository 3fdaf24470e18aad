"""End a run in good order when the user or the system asks for it.

ansible-runner kills the process group of ansible-playbook, whose workers lead groups of their own and would
live on. So ansible-playbook is asked first, which ends its workers and what they started.
"""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType, TracebackType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PATIENCE = 10.0  # seconds between asking, urging and killing
_STEPS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """Within its `with` block SIGINT, SIGTERM and SIGHUP end the run instead of this process.

    `pid` is that of ansible-playbook, as its events tell; before the first event nothing has been changed.
    """

    def __init__(self, on_interrupt: Callable[[], None]) -> None:
        """`on_interrupt` is called once, from the run's own thread, when the run begins to end."""
        self.pid: int | None = None
        self._on_interrupt = on_interrupt
        self._asked = 0
        self._steps_taken = 0
        self._next_step_at = 0.0
        self._workers: list[int] = []
        self._before: dict[int, signal._HANDLER] = {}

    @property
    def interrupted(self) -> bool:
        """Return whether a signal came."""
        return self._asked > 0

    def __enter__(self) -> "Interrupt":
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A module that was just starting can lose Python's SIGINT; its process group is its worker's number.
        for group in self._workers:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGTERM)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._asked += 1

    def abandon(self) -> None:
        """End ansible-playbook because this process cannot follow it any longer."""
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def must_kill(self) -> bool:
        """Take the next step when it is due; return True when ansible-runner shall kill the run.

        A second signal takes the next step at once.
        """
        if not self._asked:
            return False
        due = self._asked > self._steps_taken or time.monotonic() >= self._next_step_at
        if not due:
            return False
        if self._steps_taken == 0:
            self._workers = _children(self.pid)
            self._on_interrupt()
        step, self._steps_taken = self._steps_taken, self._steps_taken + 1
        self._next_step_at = time.monotonic() + _PATIENCE
        if self.pid is None or step >= len(_STEPS):
            return True
        with suppress(ProcessLookupError):
            os.kill(self.pid, _STEPS[step])
        return False


def _children(pid: int | None) -> list[int]:
    """Return the children of a process; none where the system has no /proc to tell."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
