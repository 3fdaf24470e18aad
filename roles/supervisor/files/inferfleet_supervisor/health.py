"""Whether an engine makes progress: its counters move, or a completion of one token is answered.

A completion is requested where the counters stand still: soon if requests run, every `idle` seconds if none do. The
engine hangs if that completion waits for `hang` seconds while no counter moves. The gauge of running requests alone
does not show a hang: after an aborted request it may stay above zero in an idle engine.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from inferfleet_supervisor.model import Reason

FAILURES = 3
RETRY_SECONDS = 2.0
BUSY_SECONDS = 3.0
_BUSY = (429, 503)  # the queue is full


@dataclass(frozen=True)
class Health:
    """What was seen of an engine in a generation.

    `quiet`: seconds since the last progress or answer. `waiting`: seconds that a completion waits without progress;
    `sent`: seconds since it was sent. `status`: of the last answer; 0: no connection.
    """

    counters: float | None = None
    running: float = 0.0
    quiet: float = 0.0
    waiting: float = 0.0
    sent: float = 0.0
    failures: int = 0
    status: int = 0
    answered: bool = False

    def wants_completion(self, idle: float) -> bool:
        """Return whether a completion shall be requested, if none is under way."""
        if not self.answered or self.failures:
            return self.quiet >= RETRY_SECONDS
        return self.quiet >= (min(BUSY_SECONDS, idle) if self.running else idle)

    def is_abandoned(self, hang: float) -> bool:
        """Return whether the completion under way waits for long, although others progress: a new one is needed."""
        return self.sent >= max(hang, 1.0) > self.waiting

    def fault(self, hang: float) -> Reason | None:
        """Return why the engine is unhealthy; None if it is healthy."""
        if self.failures >= FAILURES:
            return Reason("completions-fail", {"status": self.status}) if self.status else Reason("no-answer")
        return Reason("hang", {"seconds": round(self.waiting)}) if self.answered and self.waiting >= hang else None


def look(
    health: Health, seconds: float, counters: float | None, running: float, under_way: bool, status: int | None
) -> Health:
    """Return the health after some seconds.

    `counters`: None if unknown. `under_way`: a completion waits. `status`: of one answered meanwhile; None: none was.
    """
    moved = counters is not None and health.counters is not None and counters != health.counters
    health = replace(
        health,
        counters=health.counters if counters is None else counters,
        running=running,
        # Requests of clients must not delay the completion that shows that a new engine, or one that failed, answers.
        quiet=0.0 if moved and health.answered and not health.failures else health.quiet + seconds,
        waiting=health.waiting + seconds if under_way and not moved else 0.0,
        sent=health.sent + seconds if under_way else 0.0,
    )
    if status is None:
        return health
    health = replace(health, quiet=0.0, waiting=0.0, sent=0.0, status=status)
    if status in _BUSY:
        return health
    if status == 0 or status >= 500:
        return replace(health, failures=health.failures + 1) if health.answered else health
    return replace(health, failures=0, answered=True)


def total(metrics: str, names: Sequence[str]) -> float | None:
    """Return the sum of all samples of metrics, in Prometheus' text format; None if there is none."""
    pattern = "|".join(map(re.escape, names))
    samples = re.findall(rf"^(?:{pattern})(?:\{{.*\}})? ([-+\d.eE]+)", metrics, re.MULTILINE) if names else []
    return sum(map(float, samples)) if samples else None
