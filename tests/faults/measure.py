"""What a fault did to a replica, from its requests and the events of its supervisors: pure functions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.faults.catalog import Fault
from tests.faults.cluster import Event
from tests.faults.streams import Outcome


@dataclass(frozen=True)
class Measurement:
    """One injected fault. Times in seconds.

    detection: from the injection to the first event of a restart; None: nothing restarted. recovery: from the
    injection, or from the end of a fault that lasts, until all requests are answered again. broken: streams that
    failed. broken_elsewhere: streams of other replicas that failed.
    """

    fault: str
    executor: str
    replicas: int
    detection: float | None
    recovery: float
    restarts: int
    reasons: tuple[str, ...]
    failed: int
    failed_elsewhere: int

    @property
    def bound(self) -> float:
        """Return the seconds of the recovery without the detection."""
        return max(0.0, self.recovery - (self.detection or 0))


def detection(events: Iterable[Event], injected: float) -> float | None:
    """Return the seconds from the injection to the first restart or deliberate stop."""
    times = [event.time for event in events if event.code in ("restart", "stopped") and event.time >= injected]
    return max(0.0, min(times) - injected) if times else None


def recovery(probes: Sequence[Outcome], since: float) -> float:
    """Return the seconds from a time until the first answer after the last failed probe; 0: none failed.

    Raises ValueError if no probe succeeded afterwards.
    """
    failed = [probe.end for probe in probes if not probe.ok and probe.end >= since]
    if not failed:
        return 0.0
    answered = [probe.end for probe in probes if probe.ok and probe.end > max(failed)]
    if not answered:
        raise ValueError("no answer after the last failed probe")
    return min(answered) - since


def problems(fault: Fault, measured: Measurement) -> list[str]:
    """Return in what a measurement differs from what the catalog requires."""
    found = []
    low, high = fault.restarts
    if not low <= measured.restarts <= high:
        found.append(f"{measured.restarts} restarts instead of {low} to {high}: {', '.join(measured.reasons)}")
    # A restart that follows another one can have other reasons: containers that exit when their peers do.
    if fault.reasons and measured.reasons and measured.reasons[0] not in fault.reasons:
        found.append(f"reason {measured.reasons[0]} instead of {' or '.join(fault.reasons)}")
    if not fault.outage and measured.failed:
        found.append(f"{measured.failed} streams failed")
    if measured.failed_elsewhere:
        found.append(f"{measured.failed_elsewhere} streams of other replicas failed")
    return found


def unexplained(restarts: Iterable[Event], windows: Iterable[tuple[float, float]]) -> list[Event]:
    """Return the restarts outside all windows of injected faults."""
    spans = list(windows)
    return [event for event in restarts if not any(begin <= event.time <= end for begin, end in spans)]
