"""What a node does: compare its containers with the leader's order. Pure; containers and orders come from the caller.

A member starts and stops containers only as ordered: one that exits stays stopped until the leader starts the next
generation. Containers are stopped by signals, never by Docker's `stop`: every `stop` event is an operator's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from inferfleet_supervisor.model import (
    BACK_OFF,
    EXITED,
    HELD,
    IDLE,
    LOADING,
    RUNNING,
    SERVING,
    STARTING,
    STOPPED,
    STOPPING,
    UNCONFIRMED,
    WAITING,
    Container,
    Order,
    Report,
)

EXIT_CONFIRMED = 2.0  # Docker's stop event may follow the exit
STOP_CONFIRMED = 10.0  # `docker restart` starts the container again
RANK_CONFIRMED = 3.0
FAILED_PATIENCE = 2.0

Stages = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Seen:
    """A container as Docker shows it; `ready`: it is healthy and listens, as far as this is checked."""

    id: str
    running: bool
    started: str = ""
    exit_code: int = 0
    oom: bool = False
    ready: bool = True


@dataclass(frozen=True)
class Member:
    """The state of a node.

    `expected`: containers that run in this generation, or should. `down`, `killed`: seconds since an exit or a signal.
    `stops`: ids of containers that somebody stopped.
    """

    generation: int = 0
    expected: tuple[str, ...] = ()
    down: Mapping[str, float] = field(default_factory=dict)
    killed: Mapping[str, float] = field(default_factory=dict)
    stops: Mapping[str, str] = field(default_factory=dict)
    ranks_reached: bool = False
    ranks_missing: float = -1.0  # negative: none is


def observe(member: Member, seen: Mapping[str, Seen | None], ranks: int | None, count: int, seconds: float) -> Member:
    """Return the state after some seconds. `ranks`: number of rank processes, of `count`; None: unknown."""
    down = {name: member.down.get(name, -seconds) + seconds for name in member.expected if not _runs(seen, name)}
    killed = {name: age + seconds for name, age in member.killed.items() if _runs(seen, name)}
    missing = member.ranks_missing
    if ranks is not None:
        missing = missing + seconds if member.ranks_reached and ranks < count else -seconds
    reached = member.ranks_reached or (bool(count) and ranks is not None and ranks >= count)
    return replace(member, down=down, killed=killed, ranks_reached=reached, ranks_missing=missing)


def note_event(member: Member, action: str, name: str, id_: str) -> Member:
    """Return the state after an event of Docker: `stop`, `start` or `destroy` of a container."""
    stops = {other: value for other, value in member.stops.items() if other != name}
    return replace(member, stops={**stops, name: id_} if action == "stop" else stops)


def report(member: Member, node: str, boot: str, stages: Stages, seen: Mapping[str, Seen | None]) -> Report:
    """Return the report for the leader."""
    containers = {name: _container(member, name, seen.get(name)) for stage in stages for name in stage}
    stopped = (
        name
        for name, id_ in sorted(member.stops.items())
        if name in containers
        and containers[name].id == id_
        and containers[name].state in (IDLE, EXITED)
        and (name not in member.expected or member.down.get(name, 0.0) >= STOP_CONFIRMED)
    )
    complete = 0
    for stage in stages:
        if not all(containers[name].ready for name in stage):
            break
        complete += 1
    lost = member.ranks_missing >= RANK_CONFIRMED
    missing = max(0.0, member.ranks_missing)
    return Report(node, boot, member.generation, complete, containers, lost, missing, next(stopped, ""))


def obey(
    member: Member, order: Order, stages: Stages, seen: Mapping[str, Seen | None], patience: float
) -> tuple[Member, list[tuple[str, str]]]:
    """Return the state and the actions (`start`, `terminate` or `kill`, container) that an order requires.

    `patience`: seconds between SIGTERM and SIGKILL.
    """
    names = tuple(name for stage in stages for name in stage)
    if order.phase == HELD:
        return replace(member, stops={}, killed={}, down={}, expected=_running(names, seen)), []
    if order.desired == "stopped":
        member = replace(member, stops={})
    new = member.generation != order.generation
    if order.phase in (LOADING, SERVING):
        return (_join(member, order.generation, names) if new else member), []
    if order.phase in (STOPPING, WAITING, BACK_OFF) or (order.phase in (STARTING, STOPPED) and new):
        if _running(names, seen):
            return _stop(member, stages, seen, min(patience, FAILED_PATIENCE) if order.failed else patience)
        return (_join(member, order.generation, ()) if new else replace(member, expected=(), down={})), []
    if order.phase == STARTING:
        return _start(member, stages[: order.stage + 1], seen)
    return member, []


def _join(member: Member, generation: int, expected: tuple[str, ...]) -> Member:
    return Member(generation=generation, expected=expected, stops=member.stops)


def _stop(
    member: Member, stages: Stages, seen: Mapping[str, Seen | None], patience: float
) -> tuple[Member, list[tuple[str, str]]]:
    """Stop the last stage that runs."""
    running = next(found for found in (_running(stage, seen) for stage in reversed(stages)) if found)
    actions = [("terminate", name) for name in running if name not in member.killed]
    actions += [("kill", name) for name in running if member.killed.get(name, 0.0) >= patience]
    killed = {**member.killed, **{name: 0.0 for _, name in actions}}
    return replace(member, killed=killed), actions


def _start(member: Member, stages: Stages, seen: Mapping[str, Seen | None]) -> tuple[Member, list[tuple[str, str]]]:
    """Start the first stage that does not run, each container once in a generation."""
    for stage in stages:
        if len(_running(stage, seen)) < len(stage):
            todo = [name for name in stage if name not in member.expected and not _runs(seen, name) and seen.get(name)]
            expected = member.expected + tuple(name for name in stage if name not in member.expected and seen.get(name))
            return replace(member, expected=expected), [("start", name) for name in todo]
    return member, []


def _container(member: Member, name: str, seen: Seen | None) -> Container:
    if seen is None:
        return Container()
    state = RUNNING if seen.running else IDLE
    if not seen.running and name in member.expected:
        seconds = STOP_CONFIRMED if member.stops.get(name) == seen.id else EXIT_CONFIRMED
        state = EXITED if member.down.get(name, 0.0) >= seconds else UNCONFIRMED
    down = max(0.0, member.down.get(name, 0.0))
    return Container(state, seen.id, seen.started, seen.exit_code, seen.oom, seen.running and seen.ready, down)


def _runs(seen: Mapping[str, Seen | None], name: str) -> bool:
    found = seen.get(name)
    return found is not None and found.running


def _running(names: tuple[str, ...], seen: Mapping[str, Seen | None]) -> tuple[str, ...]:
    return tuple(name for name in names if _runs(seen, name))


def saved(member: Member) -> dict[str, Any]:
    """Return what survives a restart of the daemon."""
    return {
        "generation": member.generation,
        "expected": list(member.expected),
        "stops": dict(member.stops),
        "ranks_reached": member.ranks_reached,
    }


def restored(data: Mapping[str, Any]) -> Member:
    """Return the state that `saved` returned."""
    return Member(
        generation=int(data.get("generation", 0)),
        expected=tuple(data.get("expected", ())),
        stops=dict(data.get("stops", {})),
        ranks_reached=bool(data.get("ranks_reached", False)),
    )
