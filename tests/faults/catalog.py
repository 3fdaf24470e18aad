"""The faults of catalog.yml, and which of them a replica can have."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

Commands = tuple[dict[str, str], ...]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Shows(_Entry):
    """The state of the replica that a fault leads to, and for how many seconds it stays."""

    state: str
    seconds: float


class Fault(_Entry):
    """One fault, as catalog.yml describes it."""

    name: str
    how: str
    inject: Commands
    undo: Commands = ()
    lasts: float = 0
    shows: Shows | None = None
    outage: bool = True
    restarts: tuple[int, int] = (0, 0)
    reasons: tuple[str, ...] = ()
    alerts: tuple[str, ...] = ()
    hang: bool = False
    executors: tuple[str, ...] = ("ray", "mp")
    quick: bool = False
    chaos: bool = True

    @property
    def needs_worker(self) -> bool:
        """Return whether the fault concerns a worker node."""
        commands = [item for command in (*self.inject, *self.undo) for item in command.items()]
        return any(place == "worker" or "$WORKER_" in text for place, text in commands)

    @property
    def needs_ranks(self) -> bool:
        """Return whether the fault concerns the processes of ranks."""
        return any("$RANKS" in text for command in self.inject for text in command.values())


@cache
def load() -> tuple[Fault, ...]:
    """Return all faults in the order of the file."""
    return TypeAdapter(tuple[Fault, ...]).validate_python(
        yaml.safe_load(Path(__file__).with_suffix(".yml").read_text())
    )


def possible(executor: str, nodes: int) -> Iterator[Fault]:
    """Yield the faults that a replica of so many nodes can have.

    With the mp executor a replica of one node and one accelerator has no processes of ranks: the core computes.
    """
    for fault in load():
        ranks = executor == "ray" or nodes > 1
        if executor in fault.executors and (nodes > 1 or not fault.needs_worker) and (ranks or not fault.needs_ranks):
            yield fault
