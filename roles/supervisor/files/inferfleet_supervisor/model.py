"""What leader and members exchange: containers of a node, its report, and the leader's order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

# States of a container. UNCONFIRMED: it stopped just now; whether deliberately is not known yet.
ABSENT, IDLE, RUNNING, UNCONFIRMED, EXITED = "absent", "idle", "running", "unconfirmed", "exited"
# Phases of a replica.
STOPPED, STOPPING, WAITING, BACK_OFF = "stopped", "stopping", "waiting", "back-off"
UNDEPLOYED, STARTING, LOADING, SERVING = "absent", "starting", "loading", "serving"
HELD = "held"  # an order only: do nothing
# The state of a replica for the gateway. UNKNOWN: completions alone decide.
UP, DOWN, UNKNOWN = "up", "down", "unknown"


@dataclass(frozen=True)
class Reason:
    """Why the replica is in its state: a code and its parameters."""

    code: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Container:
    """A container of a member.

    `ready`: it runs, its health check, if it has one, passes, and while it starts, it listens. `down`: seconds since it
    exited.
    """

    state: str = ABSENT
    id: str = ""
    started: str = ""
    exit_code: int = 0
    oom: bool = False
    ready: bool = False
    down: float = 0.0


def only_known(kind: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a dataclass's fields; a member or leader of a later version sends others, too."""
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in values.items() if name in names}


def _without_zeros(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if not (isinstance(value, float) and value == 0)}


@dataclass(frozen=True)
class Report:
    """The state of a member.

    `generation` is the one whose orders it complies with: containers of older ones are stopped. `stage`: how many
    start stages run completely. `ranks_missing`: seconds since a rank process ended, `ranks_lost`: long enough to act.
    `stopped`: a container that was stopped deliberately.
    """

    node: str
    boot: str = ""
    generation: int = 0
    stage: int = 0
    containers: Mapping[str, Container] = field(default_factory=dict)
    ranks_lost: bool = False
    ranks_missing: float = 0.0
    stopped: str = ""

    def any(self, state: str) -> bool:
        """Return whether a container is in a state."""
        return any(container.state == state for container in self.containers.values())

    def all(self, state: str) -> bool:
        """Return whether all containers are in a state."""
        return all(container.state == state for container in self.containers.values())

    def data(self) -> dict[str, Any]:
        """Return the report for JSON.

        Without what is zero: an earlier leader rejects fields that it does not know, and no member may be lost while
        it waits for its update.
        """
        data = _without_zeros(asdict(self))
        return {**data, "containers": {name: _without_zeros(values) for name, values in data["containers"].items()}}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Report:
        """Return the report of JSON, without fields of later versions. Raises ValueError, TypeError or KeyError where
        it is not one."""
        containers = {
            str(name): Container(**only_known(Container, values)) for name, values in data["containers"].items()
        }
        report = cls(**{**only_known(cls, data), "containers": containers})
        if not (isinstance(report.node, str) and type(report.generation) is type(report.stage) is int):
            raise ValueError("not a report")
        return report


@dataclass(frozen=True)
class Order:
    """What the leader's members do: run stages up to `stage` of a generation, or nothing.

    `failed`: something of this generation failed, so no request is left to finish, and an engine that waits for a dead
    or hanging rank does not end by itself: waiting for it only lengthens the outage.
    """

    generation: int
    phase: str
    stage: int = 0
    desired: str = "running"
    failed: bool = False
