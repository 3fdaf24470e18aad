"""What leader and members exchange: containers of a node, its report, and the leader's order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

# States of a container. UNCONFIRMED: it stopped just now; whether deliberately is not known yet.
ABSENT, IDLE, RUNNING, UNCONFIRMED, EXITED = "absent", "idle", "running", "unconfirmed", "exited"
# Phases of a replica.
STOPPED, STOPPING, WAITING, BACK_OFF = "stopped", "stopping", "waiting", "back-off"
UNDEPLOYED, STARTING, LOADING, SERVING = "absent", "starting", "loading", "serving"
HELD = "held"  # an order only: do nothing


@dataclass(frozen=True)
class Reason:
    """Why the replica is in its state: a code and its parameters."""

    code: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Container:
    """A container of a member. `ready`: it runs, and its health check, if it has one, passes. `down`: seconds since it
    exited."""

    state: str = ABSENT
    id: str = ""
    started: str = ""
    exit_code: int = 0
    oom: bool = False
    ready: bool = False
    down: float = 0.0


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
        """Return the report for JSON."""
        return asdict(self)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Report:
        """Return the report of JSON. Raises ValueError, TypeError or KeyError where it is not one."""
        containers = {str(name): Container(**values) for name, values in data["containers"].items()}
        report = cls(**{**data, "containers": containers})
        if not (isinstance(report.node, str) and type(report.generation) is type(report.stage) is int):
            raise ValueError("not a report")
        return report


@dataclass(frozen=True)
class Order:
    """What the leader's members do: run stages up to `stage` of a generation, or nothing.

    `hung`: the engine will not end by itself, so waiting for it only lengthens the outage.
    """

    generation: int
    phase: str
    stage: int = 0
    desired: str = "running"
    hung: bool = False
