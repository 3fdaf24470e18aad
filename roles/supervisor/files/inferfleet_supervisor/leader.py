"""The leader's part of the daemon: the reports of all members, the engine's health, and the state of the replica."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from inferfleet_supervisor import group as machine
from inferfleet_supervisor.journal import now
from inferfleet_supervisor.model import LOADING, SERVING, Order, Reason, Report, only_known
from inferfleet_supervisor.probe import Engine
from inferfleet_supervisor.settings import Settings
from inferfleet_supervisor.state import Event, Group, Inputs, differences

LOST_SECONDS = 15.0


class Leader:
    """The leader of a replica. `data`: what `saved` returned before the last restart of the daemon."""

    def __init__(self, settings: Settings, data: Mapping[str, Any]) -> None:
        self.settings = settings
        self.group = _restored(data.get("group") or {})
        self.since = str(data.get("since") or now())
        self.reports: dict[str, Report] = {}
        self.ages: dict[str, float] = {}
        self.silent: dict[str, float] = dict.fromkeys(settings.members, 0.0)
        self.engine: Engine | None = None
        self.engine_of: object = None

    def note(self, report: Report) -> Order:
        """Record the report of a member and return the order for it."""
        if report.node not in self.settings.members:
            raise ValueError(f"{report.node} is not a member of {self.settings.replica}")
        self.reports[report.node] = report
        self.silent[report.node] = 0.0
        return self.group.order()

    async def step(self, seconds: float) -> list[Event]:
        """Return what the journal records after some seconds."""
        self.silent = {node: age + seconds for node, age in self.silent.items()}
        await self._look(seconds)
        before = self.group.phase
        self.group, events = machine.step(self.group, self.settings.plan, self.inputs(seconds))
        if self.group.phase != before:
            self.since = now()
        return events

    def inputs(self, seconds: float = 0.0) -> Inputs:
        """Return what is known about members and engine."""
        lost = frozenset(node for node, age in self.silent.items() if age >= LOST_SECONDS)
        reports = {node: report for node, report in self.reports.items() if node not in lost}
        engine = self.engine
        return Inputs(seconds, reports, lost, bool(engine and engine.answers), engine.fault() if engine else None)

    def command(self, name: str, parameters: Mapping[str, Any]) -> list[Event]:
        """Execute an operator's command; return what the journal records. Raises ValueError if there is no such."""
        before = self.group
        if name == "stop":
            self.group = machine.stop_deliberately(before)
        elif name == "start":
            self.group = machine.start(before)
        elif name == "restart":
            self.group = machine.restart(before)
        elif name == "hold":
            self.group = machine.hold(before, float(parameters["seconds"]), str(parameters["reason"]))
        elif name == "release":
            self.group = machine.release(before, self.settings.plan, self.inputs()) if before.held > 0 else before
        else:
            raise ValueError(f"no command {name}")
        if self.group.phase != before.phase:
            self.since = now()
        return differences(before, self.group)

    def status(self) -> dict[str, Any]:
        """Return the state of the replica for `status`."""
        group = self.group
        lost = self.inputs().lost
        return {
            "state": group.phase,
            "generation": group.generation,
            "since": self.since,
            "restarts": group.restarts,
            "exhausted": group.exhausted,
            "desired": group.desired,
            "reason": asdict(group.reason) if group.reason else None,
            "held": {"seconds": round(group.held), "reason": group.held_reason} if group.held > 0 else None,
            "members": [
                {"node": node, "state": "lost" if node in lost else "present", "age": round(age, 1)}
                for node, age in sorted(self.silent.items())
            ],
        }

    def health(self) -> str:
        """Return the state for the gateway."""
        return machine.health(self.group, self.inputs())

    def saved(self) -> dict[str, Any]:
        """Return what survives a restart of the daemon."""
        return {"group": asdict(self.group), "since": self.since}

    async def _look(self, seconds: float) -> None:
        """Inspect the engine while it loads or serves, or while held; one generation knows nothing of another."""
        group, probe = self.group, self.settings.probe
        if probe is None or (group.held <= 0 and group.phase not in (LOADING, SERVING)):
            self._forget()
            return
        # While held, whoever holds may replace containers: those of now have to answer.
        engine_of = machine.snapshot_of(self.inputs()) if group.held > 0 else group.generation
        if self.engine_of != engine_of or self.engine is None:
            self._forget()
            answered = group.held <= 0 and group.phase == SERVING  # the daemon was restarted, or a hold has ended
            self.engine = Engine(probe, self.settings.hang, self.settings.idle, answered)
            self.engine_of = engine_of
        await self.engine.look(seconds)

    def _forget(self) -> None:
        if self.engine:
            self.engine.stop()
        self.engine = None


def _restored(data: Mapping[str, Any]) -> Group:
    """Return the state from JSON; a new one, which takes over what runs, if there is none or it is not valid."""
    new = Group(taken_over=True)
    if not data:
        return new
    try:
        reason = data.get("reason")
        group = Group(
            **{
                **only_known(Group, data),  # a later version has others, too
                "reason": Reason(**reason) if reason else None,
                "snapshot": tuple(tuple(entry) for entry in data.get("snapshot", ())),
                "lost": tuple(data.get("lost", ())),
            }
        )
    except (TypeError, ValueError):
        return new
    return group if group.phase in machine.PHASES else new
