"""A real run on the test cluster: two nodes, the tiny R1, preset smoke."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inferfleet.bench import Measurement, Run

RECORDED = Path(__file__).parents[2] / "fixtures" / "bench"


@pytest.fixture
def recorded() -> Callable[[str], str]:
    """Return a function that reads a recorded file."""
    return lambda name: (RECORDED / name).read_text()


@pytest.fixture
def run(recorded: Callable[[str], str]) -> Run:
    return Run.model_validate_json(recorded("bench.json"))


@pytest.fixture
def plan(run: Run) -> dict[str, Any]:
    """The plan of the measured service."""
    return {"service": "", **run.plan}


@pytest.fixture
def slower() -> Callable[..., Run]:
    """Return a function that makes a run slower by a factor at one concurrency."""

    def make(run: Run, concurrency: int, *, throughput: float = 1, latency: float = 1, failed: int = 0) -> Run:
        (one,) = [m for m in run.measurements if m.concurrency == concurrency]
        changed: dict[str, Any] = {
            name: getattr(one, name) / throughput
            for name in ("request_throughput", "output_throughput", "total_token_throughput")
        }
        for name in ("ttft_ms", "tpot_ms", "itl_ms", "e2el_ms"):
            before = getattr(one, name)
            changed[name] = before.model_copy(update={"median": before.median * latency})
        changed |= {"failed": failed, "completed": one.num_prompts - failed}
        return run.measured(Measurement.model_validate(one.model_dump() | changed))

    return make
