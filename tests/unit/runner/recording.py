"""The recorded events of a real run."""

from dataclasses import dataclass

from inferfleet.runner.command import Request
from inferfleet.runner.events import Event
from inferfleet.runner.result import RunResult


@dataclass
class Recorded:
    """A finished run: its request, its events in order, and the result."""

    request: Request
    events: list[Event]
    result: RunResult
