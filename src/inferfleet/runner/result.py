"""The result of a run: plain data, independent of Ansible."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from inferfleet.messages import Message, Problem
from inferfleet.runner.stages import title

_NO_TEXT = Message("", "")


class State(StrEnum):
    """The state of a stage, or of one host in it (`unreachable` is for hosts only)."""

    WAITING = "waiting"
    RUNNING = "running"
    OK = "ok"
    CHANGED = "changed"
    FAILED = "failed"
    UNREACHABLE = "unreachable"
    SKIPPED = "skipped"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a host in a long task: `done` of `total` in `unit` ("bytes" or "checks").

    `rate` is in units per second over the last readings, `attempt` counts the retries of the task.
    """

    done: float | None = None
    total: float | None = None
    unit: str = ""
    text: Message = _NO_TEXT
    rate: float | None = None
    attempt: int | None = None

    @property
    def seconds_left(self) -> float | None:
        """Return the time left at the current rate, in seconds; None if unknown."""
        if self.done is None or not self.total or not self.rate or self.rate <= 0:
            return None
        return max(self.total - self.done, 0) / self.rate


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a table that a stage fills while it runs; returned by a task as soon as it is known."""

    label: Message
    text: Message


@dataclass(slots=True)
class HostRun:
    """One host in one stage; `seconds` is the time its tasks took, `changed` how many changed it.

    `progress` is that of the current task, or of the last one until the next starts.
    """

    state: State = State.RUNNING
    seconds: float = 0.0
    changed: int = 0
    task: str = ""
    busy: bool = False
    progress: Progress | None = None


@dataclass(slots=True)
class Stage:
    """One stage: `seconds` is the wall time while it ran, `since` (Unix time) is set while it runs."""

    name: str
    state: State = State.WAITING
    seconds: float = 0.0
    since: float | None = None
    task: str = ""
    hosts: dict[str, HostRun] = field(default_factory=dict)
    rows: list[TableRow] = field(default_factory=list)

    @property
    def total(self) -> Progress | None:
        """Return the total bytes of all hosts; None if fewer than two report progress."""
        reports = [host.progress for host in list(self.hosts.values()) if host.progress]
        reports = [progress for progress in reports if progress.unit == "bytes" and progress.total]
        if len(reports) < 2:
            return None
        rates = [progress.rate for progress in reports if progress.rate is not None]
        return Progress(
            done=sum(progress.done or 0 for progress in reports),
            total=sum(progress.total or 0 for progress in reports),
            unit="bytes",
            rate=sum(rates) if rates else None,
        )

    @property
    def title(self) -> str:
        """Return the English title, which is also a template."""
        return title(self.name)

    @property
    def changed(self) -> int:
        """Return the number of changed tasks on all hosts."""
        return sum(host.changed for host in self.hosts.values())

    def elapsed(self, now: float) -> float:
        """Return the elapsed seconds at Unix time `now`."""
        return self.seconds + (max(now - self.since, 0.0) if self.since is not None else 0.0)


@dataclass(frozen=True, slots=True)
class Failure:
    """A task that failed on a host without rescue, or an unreachable host.

    `has_remedy` is whether the message contains what to do.
    """

    host: str
    stage: str
    task: str
    message: Message
    unreachable: bool = False
    has_remedy: bool = False


@dataclass(frozen=True, slots=True)
class ChangedTask:
    """A task that changed a host."""

    host: str
    stage: str
    task: str


@dataclass(frozen=True, slots=True)
class RunResult:
    """One finished run.

    `refusal` is "contract", "busy", "facts", "unreachable" or "limit" if a task refused, with its `problems`;
    `result` is the result that the playbook reported; `output` contains the lines of Ansible outside of tasks; `rc` is
    the exit status of ansible-playbook; `complete` is whether the run reached its end.
    """

    stages: tuple[Stage, ...]
    seconds: float
    rc: int | None
    complete: bool
    tasks_run: int
    interrupted: bool = False
    refusal: str | None = None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    failures: tuple[Failure, ...] = ()
    changed_tasks: tuple[ChangedTask, ...] = ()
    result: Mapping[str, Any] = field(default_factory=dict)
    output: str = ""
    log: str = ""
