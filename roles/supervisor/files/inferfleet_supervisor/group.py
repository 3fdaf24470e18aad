"""The leader's state machine: a pure function of the state, what the members report, and the engine's health.

    absent    containers do not exist yet, or were changed ─ all run ─────────────────────────> loading (deployed)
              └ all exist, but some do not run for ADOPT_SECONDS seconds ────────────────────────────> stopping
    stopping  members stop what they run ─ all stopped, or lost ─ to be stopped ──────────────> stopped
              ├ a member is lost ─────────────────────────────────────────────────────────────> waiting
              └ otherwise ────────────────────────────────────────────────────────────────────> back-off, or starting
    waiting   for a lost member ─ all are there, and stopped ─────────────────────────────────> back-off, or starting
    back-off  nothing runs ─ the delay has passed ────────────────────────────────────────────> starting
    starting  stage by stage on all members ─ all stages run ─────────────────────────────────> loading
              └ exit, lost member, a stage exceeds `join` seconds ────────────────────────────> stopping
    loading   the engine loads ─ a completion is answered ────────────────────────────────────> serving
              └ exit, lost rank, `load` seconds, a member lost for `join` seconds ────────────> stopping
    serving   ─ exit, lost rank, no progress, failing completions ────────────────────────────> stopping
    stopped   deliberately ─ start, or a container is started manually ───────────────────────> stopping, absent

From every state: a deliberate stop or an operator's command leads to stopping, changed containers to absent. A lost
member alone changes nothing while the engine serves. Each entry into stopping begins a new generation; a member that
reports it runs nothing of older ones. While held, only the lease is counted; it ends early where all containers run and
answer for ANSWERING_SECONDS: the run that took it was interrupted.

Containers that a new process, other settings or the end of a hold find running are taken over: absent and loading then
do not mean that nothing serves. The first container that does not run, and every other state, ends this (see `health`).

Time is the sum of the intervals between steps, each capped: clock jumps, a paused machine or a starved process
do not count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from inferfleet_supervisor.model import (
    ABSENT,
    BACK_OFF,
    DOWN,
    EXITED,
    LOADING,
    RUNNING,
    SERVING,
    STARTING,
    STOPPED,
    STOPPING,
    UNCONFIRMED,
    UNDEPLOYED,
    UNKNOWN,
    UP,
    WAITING,
    Reason,
    Report,
)
from inferfleet_supervisor.state import Event, Group, Inputs, Plan, Snapshot, differences

ADOPT_SECONDS = 5.0
STABLE_SECONDS = 60  # what fails after it is no failed start: the next one need not wait
ANSWERING_SECONDS = 120.0  # a run that changes containers takes less from their first answer until it ends its hold
INSPECTED_SECONDS = 1.0  # between inspections of a node: earlier differences are not known


def step(group: Group, plan: Plan, inputs: Inputs) -> tuple[Group, list[Event]]:
    """Return the state after some seconds, and what the journal records."""
    after = replace(
        group,
        lost=tuple(sorted(inputs.lost)),
        lost_seconds=group.lost_seconds + inputs.seconds if inputs.lost else 0.0,
        elapsed=group.elapsed + inputs.seconds,
        taken_over=group.taken_over and not inputs.stopped,
    )
    stop = next((report for report in inputs.reports.values() if report.stopped), None)
    if group.held > 0:
        after = _held(after, plan, inputs)
    elif stop and group.desired == "running":
        after = stop_deliberately(after, Reason("container-stopped", {"node": stop.node, "container": stop.stopped}))
    else:
        after = _HANDLERS[group.phase](after, plan, inputs)
    return after, differences(group, after)


def health(group: Group, inputs: Inputs) -> str:
    """Return whether the replica serves, for the gateway.

    UNKNOWN while nothing is known against it: while held, whoever holds changes containers; those taken over may have
    served all the time. DOWN as soon as a container is seen not to run, before it is clear why.
    """
    if group.held > 0:
        return UNKNOWN
    if inputs.stopped or not (group.phase == SERVING or group.taken_over):
        return DOWN
    return UP if group.phase == SERVING else UNKNOWN


# Commands of an operator


def stop_deliberately(group: Group, reason: Reason | None = None) -> Group:
    """Stop the replica until it is started."""
    reason = reason or Reason("operator-stopped")
    if group.phase in (STOPPING, STOPPED):
        return replace(group, desired="stopped", reason=reason)
    if group.phase in (WAITING, BACK_OFF):  # nothing runs
        return replace(_enter(group, STOPPED), desired="stopped", reason=reason)
    return replace(_leave(group, reason), desired="stopped")


def start(group: Group) -> Group:
    """Start a stopped replica, and forget the restarts of one that failed."""
    group = replace(group, desired="running", attempts=0)
    if group.phase in (STOPPED, BACK_OFF):
        return replace(_enter(group, STOPPING), reason=Reason("operator"))  # nothing runs: starts at once
    return group


def restart(group: Group) -> Group:
    """Restart the replica."""
    group = start(group)
    return group if group.phase in (STOPPING, WAITING) else _leave(group, Reason("operator"))


def hold(group: Group, seconds: float, reason: str) -> Group:
    """Only observe for some seconds."""
    return replace(group, held=seconds, held_reason=reason, answering=0.0)


def release(group: Group, plan: Plan, inputs: Inputs) -> Group:
    """Act again: continue if nothing changed, otherwise adopt what runs."""
    group = replace(group, held=0.0, held_reason="", answering=0.0)
    same = inputs.complete(plan) and group.phase in (LOADING, SERVING) and snapshot_of(inputs) == group.snapshot
    stopping = group.phase == STOPPING and group.desired == "stopped"
    if same and group.phase == LOADING and inputs.answers:  # it finished loading while held
        return _enter(group, SERVING)
    if same or stopping or (group.phase == STOPPED and not inputs.any(RUNNING)):
        return group
    return replace(_enter(group, UNDEPLOYED), desired="running", taken_over=not inputs.stopped)


# States


def _held(group: Group, plan: Plan, inputs: Inputs) -> Group:
    answering = group.answering + inputs.seconds if inputs.answers and inputs.complete(plan) else 0.0
    group = replace(group, held=group.held - inputs.seconds, answering=answering)
    return release(group, plan, inputs) if group.held <= 0 or answering >= ANSWERING_SECONDS else group


def _absent(group: Group, plan: Plan, inputs: Inputs) -> Group:
    if len(inputs.reports) < len(plan.members) or inputs.any(ABSENT):
        return replace(group, elapsed=0.0)
    if inputs.complete(plan):
        loading = _load(replace(group, generation=group.generation + 1, reason=Reason("deployed")), inputs)
        return replace(loading, taken_over=group.taken_over)
    return _leave(group, Reason("deployed")) if group.elapsed >= ADOPT_SECONDS else group


def _stopping(group: Group, plan: Plan, inputs: Inputs) -> Group:
    if not _all_stopped(group, plan, inputs):
        return group
    return _enter(group, STOPPED) if group.desired == "stopped" else _proceed(group, inputs)


def _stopped(group: Group, plan: Plan, inputs: Inputs) -> Group:
    started = any(report.any(RUNNING) for report in inputs.of(group.generation))
    return replace(_enter(group, UNDEPLOYED), desired="running", attempts=0) if started else group


def _waiting(group: Group, plan: Plan, inputs: Inputs) -> Group:
    if inputs.lost or not _all_stopped(group, plan, inputs):
        return group
    return _proceed(group, inputs)


def _back_off(group: Group, plan: Plan, inputs: Inputs) -> Group:
    if inputs.lost or not _all_stopped(group, plan, inputs):
        return _enter(group, STOPPING)  # somebody started a container
    if inputs.any(ABSENT):
        return _enter(group, UNDEPLOYED)
    return _enter(group, STARTING) if group.elapsed >= group.delay else group


def _starting(group: Group, plan: Plan, inputs: Inputs) -> Group:
    reports = inputs.of(group.generation)
    if any(report.any(ABSENT) for report in reports):
        return _enter(group, UNDEPLOYED)
    if any(report.any(UNCONFIRMED) for report in reports):
        return group
    fault = next((reason for reason in map(_exit, reports) if reason), None)
    if not fault and inputs.lost:
        fault = _member_lost(inputs)
    if not fault and group.elapsed >= plan.join:
        fault = Reason("join-timeout", {"seconds": plan.join, "stage": group.stage})
    if fault:
        return _leave(group, fault, failed=True)
    if len(reports) < len(plan.members) or any(report.stage <= group.stage for report in reports):
        return group
    if group.stage + 1 < plan.stages:
        return replace(group, stage=group.stage + 1, elapsed=0.0)
    return _load(group, inputs)


def _loading(group: Group, plan: Plan, inputs: Inputs) -> Group:
    changed = _changed(group, inputs)
    if changed:
        return changed
    if inputs.answers:
        return _enter(group, SERVING)
    if group.elapsed >= plan.load:
        return _leave(group, Reason("load-timeout", {"seconds": plan.load}), failed=True)
    if inputs.lost and group.lost_seconds >= plan.join:
        return _leave(group, _member_lost(inputs), failed=True)
    return group


def _serving(group: Group, plan: Plan, inputs: Inputs) -> Group:
    changed = _changed(group, inputs)
    if changed:
        return changed
    if inputs.fault:
        return _leave(group, inputs.fault, failed=True)
    return replace(group, attempts=0) if group.elapsed >= STABLE_SECONDS else group


_HANDLERS: dict[str, Callable[[Group, Plan, Inputs], Group]] = {
    UNDEPLOYED: _absent,
    STOPPING: _stopping,
    STOPPED: _stopped,
    WAITING: _waiting,
    BACK_OFF: _back_off,
    STARTING: _starting,
    LOADING: _loading,
    SERVING: _serving,
}
PHASES = frozenset(_HANDLERS)


# Transitions


def _enter(group: Group, phase: str) -> Group:
    return replace(group, phase=phase, elapsed=0.0, stage=0, taken_over=False)


def _leave(group: Group, reason: Reason, failed: bool = False) -> Group:
    """Stop this generation; the next one starts after it, after a fault with a delay."""
    return replace(
        _enter(group, STOPPING),
        generation=group.generation + 1,
        reason=reason,
        restarts=group.restarts + failed,
        attempts=group.attempts + failed,
        snapshot=(),
    )


def _proceed(group: Group, inputs: Inputs) -> Group:
    if inputs.lost:
        return replace(_enter(group, WAITING), reason=_member_lost(inputs))
    return _enter(group, BACK_OFF if group.delay else STARTING)


def _load(group: Group, inputs: Inputs) -> Group:
    return replace(_enter(group, LOADING), snapshot=snapshot_of(inputs))


# Conditions


def snapshot_of(inputs: Inputs) -> Snapshot:
    """Return boot and containers of all members."""
    return tuple(
        (node, report.boot, name, container.id, container.started)
        for node, report in sorted(inputs.reports.items())
        for name, container in sorted(report.containers.items())
    )


def _all_stopped(group: Group, plan: Plan, inputs: Inputs) -> bool:
    stopped = {report.node for report in inputs.of(group.generation) if not report.any(RUNNING)}
    return stopped | inputs.lost >= set(plan.members)


def _changed(group: Group, inputs: Inputs) -> Group | None:
    """Return the state after a container or a member is not what it was when this generation loaded."""
    if inputs.any(UNCONFIRMED):
        return group
    known = {(node, name): (boot, id_, started) for node, boot, name, id_, started in group.snapshot}
    fault = None
    for report in inputs.reports.values():
        for name, container in report.containers.items():
            boot, id_, started = known.get((report.node, name), ("", "", ""))
            if container.state == ABSENT or container.id != id_:
                return _enter(group, UNDEPLOYED)
            if report.boot != boot:
                fault = fault or Reason("member-restarted", {"node": report.node})
            elif container.started != started and container.state == RUNNING:
                fault = fault or Reason("container-restarted", {"node": report.node, "container": name})
        fault = fault or _exit(report) or (Reason("rank-lost", {"node": report.node}) if report.ranks_lost else None)
    if fault and fault.code == "container-exited":
        fault = _earlier_rank(inputs) or fault
    return _leave(group, fault, failed=True) if fault else None


def _exit(report: Report) -> Reason | None:
    for name, container in sorted(report.containers.items()):
        if container.state == EXITED:
            where = {"node": report.node, "container": name}
            if container.oom:
                return Reason("out-of-memory", where)
            return Reason("container-exited", {**where, "exit_code": container.exit_code})
    return None


def _earlier_rank(inputs: Inputs) -> Reason | None:
    """Return the rank that ended before a container exited: an engine exits soon after its first dead rank."""
    exits = [c.down for report in inputs.reports.values() for c in report.containers.values() if c.state == EXITED]
    first = max(inputs.reports.values(), key=lambda report: report.ranks_missing)
    return Reason("rank-lost", {"node": first.node}) if first.ranks_missing >= max(exits) + INSPECTED_SECONDS else None


def _member_lost(inputs: Inputs) -> Reason:
    return Reason("member-lost", {"node": min(inputs.lost)})
