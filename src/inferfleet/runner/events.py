"""Aggregate the events of a run into one result.

A stage is the role of a task. A task outside of any role belongs to the role that ran last in its play, otherwise to
the first known role of the play, otherwise to the play itself.
"""

import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from inferfleet.messages import Message, Problem, literal
from inferfleet.runner.messages import has_remedy, plain_message
from inferfleet.runner.result import ChangedTask, Failure, HostRun, Progress, RunResult, Stage, State, TableRow

Event = Mapping[str, Any]

RESULT_KEY = "inferfleet"
REFUSAL_KEY = "inferfleet_refusal"
WARNINGS_KEY = "inferfleet_warnings"
ROWS_KEY = "inferfleet_rows"
_RATE_READINGS = 8
_OUTPUT_LINES = 60
_BAD = (State.FAILED, State.UNREACHABLE)
_COMPONENT, _IMAGES = "component_service", "container_images"
"""Roles that other roles include; tasks of the first one belong to the stage of the including role."""
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Fold:
    """The state of a run after the events so far. Pure: it reads no clock and no file."""

    def __init__(self, planned: Mapping[str, Sequence[str]] | None = None) -> None:
        """Start with the stages known in advance (play name → roles); they are `waiting`."""
        self._first_role = {play: roles[0] for play, roles in (planned or {}).items()}
        self.stages: dict[str, Stage] = {}
        for roles in (planned or {}).values():
            self.stages |= {role: Stage(role) for role in roles if role not in self.stages}
        self.current: Stage | None = None
        self.started: float | None = None
        self.ended: float | None = None
        self.hosts: set[str] = set()
        self._play_stage: str | None = None
        self._including: str | None = None
        self._task_stages: dict[str, Stage] = {}
        self._failures: list[Failure] = []
        self._silent: set[tuple[str, str]] = set()
        """Stage and host of each unreachable host, also where the playbook ignores it at first."""
        self._changed: list[ChangedTask] = []
        self._refusals: list[tuple[Failure, str, list[Problem]]] = []
        """Failed tasks that refused the run, with the kind of refusal."""
        self._warnings: dict[Problem, None] = {}
        self._readings: dict[str, deque[tuple[float, float]]] = {}
        self._stats: Mapping[str, Any] | None = None
        self._output: deque[str] = deque(maxlen=_OUTPUT_LINES)
        self._tasks_run = 0

    def add(self, event: Event) -> None:
        """Process one event of ansible-runner; unknown kinds are ignored."""
        data = event.get("event_data") or {}
        at = _time(event)
        kind = str(event.get("event"))
        if self.started is None:
            self.started = at
        self.ended = at
        if kind == "playbook_on_play_start":
            self._play_stage = self._including = None
        elif kind == "playbook_on_task_start":
            self._enter(self._stage_of(data), data, at)
        elif kind == "playbook_on_stats":
            self._stats = data
            self._leave(at)
        elif kind in ("verbose", "warning", "error", "system_warning"):
            self._output.extend(_ANSI.sub("", str(event.get("stdout", ""))).splitlines() or [""])
        elif "host" in data and kind.startswith("runner_"):
            self._add_host_event(kind, data, at)

    def result(
        self, *, rc: int | None = None, interrupted: bool = False, seconds: float | None = None, log: str = ""
    ) -> RunResult:
        """Return the final result; `rc` is the exit status of ansible-playbook."""
        self._close_open_stage()
        failures = self._final_failures()
        if rc and not failures:  # `any_errors_fatal` ends a run for a host that a task ignores, and counts no failure
            failures = tuple(failure for failure in self._failures if failure.unreachable)
        refusals = [given for given in self._refusals if any(given[0] is failure for failure in failures)]
        refusal = refusals[-1][1] if refusals else None
        stages = tuple(self._final_stage(stage, failures, refusal) for stage in self.stages.values())
        return RunResult(
            stages=stages,
            seconds=seconds if seconds is not None else (self.ended or 0.0) - (self.started or 0.0),
            rc=rc,
            complete=self._stats is not None,
            tasks_run=self._tasks_run,
            interrupted=interrupted,
            refusal=refusal,
            problems=tuple(dict.fromkeys(problem for _, _, problems in refusals for problem in problems)),
            warnings=tuple(self._warnings),
            failures=() if refusal else failures,
            changed_tasks=tuple(self._changed),
            result=((self._stats or {}).get("artifact_data") or {}).get(RESULT_KEY) or {},
            output="\n".join(self._output).strip(),
            log=log,
        )

    def _stage(self, name: str) -> Stage:
        """Return the stage; an unplanned one is inserted before the waiting ones."""
        if name not in self.stages:
            waiting = {key: stage for key, stage in self.stages.items() if stage.state is State.WAITING}
            started = {key: stage for key, stage in self.stages.items() if key not in waiting}
            self.stages = started | {name: Stage(name)} | waiting  # atomic: a view may be reading
        return self.stages[name]

    def _stage_of(self, data: Event) -> Stage:
        role = data.get("role")
        if role:
            if role not in (_COMPONENT, _IMAGES):
                self._including = str(role)
            self._play_stage = self._including if role == _COMPONENT and self._including else str(role)
        play = str(data.get("play", ""))
        return self._stage(self._play_stage or self._first_role.get(play) or play)

    def _enter(self, stage: Stage, data: Event, at: float) -> None:
        if self.current is not stage:
            self._leave(at)
            self.current = stage
            stage.since = at
            if stage.state in (State.WAITING, State.SKIPPED, State.OK, State.CHANGED):
                stage.state = State.RUNNING
        stage.task = str(data.get("name", "")).removeprefix(f"{data.get('role')} : ")
        self._task_stages[str(data.get("task_uuid"))] = stage

    def _leave(self, at: float) -> None:
        stage = self.current
        if stage is None:
            return
        stage.seconds = stage.elapsed(at)
        stage.since = None
        stage.state = _stage_state(stage)
        for host in stage.hosts.values():
            host.busy, host.progress = False, None
        self.current = None

    def _close_open_stage(self) -> None:
        """Close the current stage of an interrupted or crashed run."""
        stage = self.current
        if stage is None:
            return
        self._leave(self.ended or 0.0)
        if stage.state is not State.FAILED:
            stage.state = State.INTERRUPTED

    def _add_host_event(self, kind: str, data: Event, at: float) -> None:
        stage = self._task_stages.get(str(data.get("task_uuid")))
        if stage is None:
            return
        name = str(data["host"])
        self.hosts.add(name)
        host = stage.hosts.setdefault(name, HostRun())
        host.task = str(data.get("task", ""))
        result = data.get("res") or {}
        if kind == "runner_on_start":
            host.busy, host.progress = True, None
            self._readings.pop(name, None)
            _clear_failure(stage, host)
        elif kind == "runner_retry":
            host.progress = self._progress(name, result, at)
        elif kind in ("runner_on_ok", "runner_on_failed", "runner_on_skipped", "runner_on_unreachable"):
            if host.progress:  # keep it without a rate, so that the total of all hosts does not decrease
                host.progress = replace(self._progress(name, result, at), rate=None)
            self._finish_task(kind, stage, name, data)

    def _finish_task(self, kind: str, stage: Stage, name: str, data: Event) -> None:
        host = stage.hosts[name]
        result = data.get("res") or {}
        host.busy = False
        host.seconds += float(data.get("duration") or 0.0)
        self._add_warnings(result)
        stage.rows += _rows(result.get(ROWS_KEY))
        self._tasks_run += 1
        if kind == "runner_on_skipped":
            host.state = State.SKIPPED if host.state is State.RUNNING else host.state
            return
        if kind == "runner_on_unreachable" or (kind == "runner_on_failed" and not data.get("ignore_errors")):
            unreachable = kind == "runner_on_unreachable"
            if unreachable:
                self._silent.add((stage.name, name))
            host.state = State.UNREACHABLE if unreachable else State.FAILED
            stage.state = State.FAILED
            why, known = plain_message(result), has_remedy(result)
            failure = Failure(name, stage.name, host.task, why, unreachable=unreachable, has_remedy=known)
            self._failures.append(failure)
            self._add_refusal(failure, result)
            return
        if result.get("changed"):
            host.changed += 1
            self._changed.append(ChangedTask(name, stage.name, host.task))
        if host.state in (State.RUNNING, State.SKIPPED, State.OK, State.CHANGED):
            host.state = State.CHANGED if host.changed else State.OK

    def _add_refusal(self, failure: Failure, result: Event) -> None:
        for part in (result, *(item for item in result.get("results") or [] if isinstance(item, Mapping))):
            if part.get(REFUSAL_KEY):
                refused = Problem("refused", "{reason}", "", reason=plain_message(part))
                problems = _problems(part.get("problems")) or [refused]
                self._refusals.append((failure, str(part[REFUSAL_KEY]), problems))

    def _add_warnings(self, result: Event) -> None:
        self._warnings |= dict.fromkeys(_problems(result.get(WARNINGS_KEY)))

    def _progress(self, host: str, result: Event, at: float) -> Progress:
        given = result.get("progress")
        given = given if isinstance(given, Mapping) else {}
        done, total = _number(given.get("done")), _number(given.get("total"))
        attempt = result.get("attempts")
        return Progress(
            done=done,
            total=total,
            unit=str(given.get("unit") or ""),
            text=_text(given.get("text")),
            rate=self._rate(host, at, done),
            attempt=attempt if isinstance(attempt, int) else None,
        )

    def _rate(self, host: str, at: float, done: float | None) -> float | None:
        """Return units per second over the last readings; None for a single reading."""
        if done is None:
            return None
        readings = self._readings.setdefault(host, deque(maxlen=_RATE_READINGS))
        readings.append((at, done))
        (first_at, first), (last_at, last) = readings[0], readings[-1]
        return (last - first) / (last_at - first_at) if last_at > first_at else None

    def _final_failures(self) -> tuple[Failure, ...]:
        """Return the failures that were not rescued, which Ansible counts separately."""
        if self._stats is None:
            return tuple(self._failures)
        left = dict(self._stats.get("failures") or {})
        dark = self._stats.get("dark") or {}
        final = []
        for failure in reversed(self._failures):
            if failure.unreachable:
                is_final = failure.host in dark
            else:
                is_final = left.get(failure.host, 0) > 0
                left[failure.host] = left.get(failure.host, 0) - 1
            if is_final:
                final.append(failure)
        return tuple(reversed(final))

    def _final_stage(self, stage: Stage, failures: Sequence[Failure], refusal: str | None) -> Stage:
        """Return the stage with its final failures; a stage that never ran is skipped."""
        failed = {failure.host: failure for failure in failures if failure.stage == stage.name}
        silent = {host for name, host in self._silent if name == stage.name and refusal == "unreachable"}
        for name, host in stage.hosts.items():
            if silent:  # the task that refused the run ran on any host
                failed.pop(name, None)
            if name in silent:
                host.state = State.UNREACHABLE
            elif name in failed:
                host.state = State.UNREACHABLE if failed[name].unreachable else State.FAILED
            elif host.state in _BAD:
                host.state = State.CHANGED if host.changed else State.OK
        if stage.hosts and stage.state is not State.INTERRUPTED:
            stage.state = _stage_state(stage)
        elif stage.state is State.WAITING and self._stats is not None and not failures:
            stage.state = State.SKIPPED
        return stage


def fold(events: Iterable[Event], planned: Mapping[str, Sequence[str]] | None = None) -> Fold:
    """Return the state after all `events`."""
    state = Fold(planned)
    for event in events:
        state.add(event)
    return state


def _clear_failure(stage: Stage, host: HostRun) -> None:
    """Clear the failure of a rescued host, which gets another task."""
    if host.state in _BAD:
        host.state = State.CHANGED if host.changed else State.RUNNING
        stage.state = State.FAILED if _stage_state(stage) is State.FAILED else State.RUNNING


def _stage_state(stage: Stage) -> State:
    states = {host.state for host in stage.hosts.values()}
    if states & set(_BAD):
        return State.FAILED
    for state in (State.CHANGED, State.OK, State.RUNNING):
        if state in states:
            return State.OK if state is State.RUNNING else state
    return State.SKIPPED


def _problems(given: Any) -> list[Problem]:
    return [Problem.from_dict(item) for item in given or [] if isinstance(item, Mapping)]


def _rows(given: Any) -> list[TableRow]:
    return [
        TableRow(_text(item.get("label")), _text(item.get("text"))) for item in given or [] if isinstance(item, Mapping)
    ]


def _text(given: Any) -> Message:
    """Return a text of a task result: the JSON form of a message, or a string."""
    return Message.from_dict(given) if isinstance(given, Mapping) else literal(str(given or ""))


def _number(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return None


def _time(event: Event) -> float:
    try:
        return datetime.fromisoformat(str(event["created"])).timestamp()
    except (KeyError, ValueError):
        return 0.0
