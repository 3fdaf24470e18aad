"""Schema of evaluation.json, the result of an evaluation. Scores are in percent."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

RESULT_FILE = "evaluation.json"
SCHEMA = 1


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, serialize_by_alias=True, validate_by_name=True, validate_by_alias=True)


class SubsetScore(_Part):
    """One subset of a data set."""

    name: str
    score: float
    questions: int


class Comparison(_Part):
    """A score compared with its reference; `difference` is in points. `holds`: not lower than allowed."""

    score: float
    difference: float
    holds: bool


class DatasetScore(_Part):
    """One data set.

    `score` belongs to `metric`, `other_scores` to EvalScope's other metrics. `questions` is the number of questions;
    each has as many answers as configured: `answered` arrived, `failed` did not, or timed out. `margin` is half of the
    95 % confidence interval of the score, in points.
    """

    name: str
    title: str
    metric: str
    score: float
    margin: float | None = None
    questions: int
    answered: int
    failed: int
    subsets: list[SubsetScore] = []
    other_scores: dict[str, float] = {}
    comparison: Comparison | None = None


class Usage(_Part):
    """Tokens of all answers, and the mean latency in seconds."""

    input_tokens: int = 0
    output_tokens: int = 0
    mean_latency_s: float | None = None


class ReferenceUsed(_Part):
    """The reference of the scores; `within` is in points."""

    name: str
    source: str
    conditions: str
    within: float


class Evaluation(_Part):
    """One evaluation; times are UTC. `complete`: whether every question was answered."""

    schema_: int = Field(default=SCHEMA, alias="schema")
    started: datetime
    ended: datetime
    complete: bool
    plan: dict[str, Any]
    versions: dict[str, str]
    nodes: dict[str, dict[str, Any]]
    settings: dict[str, Any]
    datasets: list[DatasetScore]
    usage: Usage = Usage()
    reference: ReferenceUsed | None = None

    @property
    def holds(self) -> bool:
        """Whether no score is below its reference by more than allowed."""
        return all(entry.comparison is None or entry.comparison.holds for entry in self.datasets)
