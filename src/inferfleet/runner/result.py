"""What a run came to: plain data, free of Ansible."""

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
    """How far one host is with a long task: `done` of `total` in `unit` ("bytes" or "checks").

    `rate` is in units a second over the last readings, `attempt` counts the task's tries.
    """

    done: float | None = None
    total: float | None = None
    unit: str = ""
    text: Message = _NO_TEXT
    rate: float | None = None
    attempt: int | None = None

    @property
    def seconds_left(self) -> float | None:
        """Return the time left at the present rate, in seconds; None when it is not known."""
        if self.done is None or not self.total or not self.rate or self.rate <= 0:
            return None
        return max(self.total - self.done, 0) / self.rate


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a table that a stage fills while it runs; a task returns it as soon as it is known."""

    label: Message
    text: Message


@dataclass(slots=True)
class HostRun:
    """One host in one stage; `seconds` is the time its tasks took, `changed` how many changed it.

    `progress` is that of its present task, or of its last one until the next begins.
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
        """Return the bytes of all hosts together; None where fewer than two report theirs."""
        told = [host.progress for host in list(self.hosts.values()) if host.progress]
        told = [progress for progress in told if progress.unit == "bytes" and progress.total]
        if len(told) < 2:
            return None
        rates = [progress.rate for progress in told if progress.rate is not None]
        return Progress(
            done=sum(progress.done or 0 for progress in told),
            total=sum(progress.total or 0 for progress in told),
            unit="bytes",
            rate=sum(rates) if rates else None,
        )

    @property
    def title(self) -> str:
        """Return the English name for people, which is also a template."""
        return title(self.name)

    @property
    def changed(self) -> int:
        """Return how many tasks changed something, over all hosts."""
        return sum(host.changed for host in self.hosts.values())

    def elapsed(self, now: float) -> float:
        """Return the seconds it has run at Unix time `now`."""
        return self.seconds + (max(now - self.since, 0.0) if self.since is not None else 0.0)


@dataclass(frozen=True, slots=True)
class Failure:
    """A task that failed for good on a host, or a host that could not be reached."""

    host: str
    stage: str
    task: str
    message: Message
    unreachable: bool = False


@dataclass(frozen=True, slots=True)
class ChangedTask:
    """A task that changed a host."""

    host: str
    stage: str
    task: str


@dataclass(frozen=True, slots=True)
class RunResult:
    """One finished run.

    `refusal` is "contract", "facts" or "unreachable" where the preflight refused, with its `problems`;
    `result` is what the playbook reported about the service; `output` holds Ansible's own lines from outside
    of any task; `rc` is ansible-playbook's exit status; `complete` tells that the run reached its end.
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
