"""Text benchmarks of EvalScope and their subsets."""

from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter

FILE = Path(__file__).with_name("benchmarks.json")  # tools/evaluation_benchmarks.py writes it


class Benchmark(BaseModel):
    """One benchmark. `subsets` maps each to its number of questions: 0 if unknown or provided by the user.

    `judge`: an LLM judge grades the answers. `runs_code`: generated code is executed to grade it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    subsets: dict[str, int]
    judge: bool = False
    runs_code: bool = False

    @property
    def own_data(self) -> bool:
        """Whether its questions come from a folder of the user."""
        return not any(self.subsets.values())


@cache
def load_benchmarks() -> dict[str, Benchmark]:
    """Return every benchmark by EvalScope's name for it."""
    return TypeAdapter(dict[str, Benchmark]).validate_json(FILE.read_bytes())
