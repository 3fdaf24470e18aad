"""The state of a replica, what is known at a step, and the events that lead from one state to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from inferfleet_supervisor.model import HELD, LOADING, RUNNING, UNDEPLOYED, Order, Reason, Report

BACK_OFF_SECONDS = (0, 10, 30, 60, 120, 300)
BUDGET = 10
EXHAUSTED_SECONDS = 600

_DELIBERATE = ("deployed", "operator", "operator-stopped", "container-stopped")

Snapshot = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Plan:
    """What the settings define: members, number of start stages, bounds in seconds."""

    members: tuple[str, ...]
    stages: int
    load: float = 1800
    join: float = 120


@dataclass(frozen=True)
class Inputs:
    """What is known at a step. `reports`: of members that are not lost; a member in neither has not reported yet."""

    seconds: float
    reports: Mapping[str, Report] = field(default_factory=dict)
    lost: frozenset[str] = frozenset()
    answers: bool = False  # the engine answered a completion in this generation
    fault: Reason | None = None  # of the engine's health

    def any(self, state: str) -> bool:
        """Return whether a container of a member is in a state."""
        return any(report.any(state) for report in self.reports.values())

    @property
    def stopped(self) -> bool:
        """Return whether a container of a member does not run."""
        return not all(report.all(RUNNING) for report in self.reports.values())

    def complete(self, plan: Plan) -> bool:
        """Return whether all containers of all members run."""
        return len(self.reports) == len(plan.members) and not self.stopped

    def of(self, generation: int) -> list[Report]:
        """Return the reports of the members that comply with the orders of a generation."""
        return [report for report in self.reports.values() if report.generation == generation]


@dataclass(frozen=True)
class Event:
    """An entry of the journal."""

    code: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """The state of a replica.

    `elapsed`: seconds in the phase (in a stage, while starting). `attempts`: restarts without STABLE_SECONDS of serving
    in between. `snapshot`: boot and containers of every member in this generation. `held`: seconds until a hold ends.
    `answering`: seconds since the containers of a held replica answer. `taken_over`: containers run that were started
    without it, and none has been seen not to run: they may serve.
    """

    phase: str = UNDEPLOYED
    generation: int = 0
    stage: int = 0
    desired: str = "running"
    reason: Reason | None = None
    elapsed: float = 0.0
    restarts: int = 0
    attempts: int = 0
    snapshot: Snapshot = ()
    lost: tuple[str, ...] = ()
    lost_seconds: float = 0.0
    held: float = 0.0
    held_reason: str = ""
    answering: float = 0.0
    taken_over: bool = False

    @property
    def exhausted(self) -> bool:
        """Return whether the restart budget is used up."""
        return self.attempts > BUDGET

    @property
    def delay(self) -> float:
        """Return the seconds before the next start."""
        if self.exhausted:
            return EXHAUSTED_SECONDS
        return BACK_OFF_SECONDS[min(max(self.attempts - 1, 0), len(BACK_OFF_SECONDS) - 1)]

    def order(self) -> Order:
        """Return the order for the members."""
        failed = self.reason is not None and self.reason.code not in _DELIBERATE
        return Order(self.generation, HELD if self.held > 0 else self.phase, self.stage, self.desired, failed)


def differences(before: Group, after: Group) -> list[Event]:
    """Return the events that lead from one state to another."""
    events = [Event("member-lost", {"member": node}) for node in after.lost if node not in before.lost]
    events += [Event("member-returned", {"member": node}) for node in before.lost if node not in after.lost]
    if after.held > before.held:
        events.append(Event("held", {"seconds": after.held, "reason": after.held_reason}))
    elif before.held > 0 and after.held <= 0:
        events.append(Event("released"))
    reason = {"code": after.reason.code, "parameters": dict(after.reason.parameters)} if after.reason else None
    if after.restarts > before.restarts:
        events.append(Event("restart", {"reason": reason, "restarts": after.restarts, "attempts": after.attempts}))
    if after.exhausted and not before.exhausted:
        events.append(Event("exhausted", {"attempts": after.attempts}))
    if after.desired != before.desired:
        events.append(Event("stopped" if after.desired == "stopped" else "started", {"reason": reason}))
    if after.phase != before.phase:
        if (before.phase, after.phase) == (UNDEPLOYED, LOADING):
            events.append(Event("adopted"))
        events.append(Event("state-changed", {"from": before.phase, "to": after.phase, "reason": reason}))
    return events
