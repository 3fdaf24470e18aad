"""The result of an evaluation: the form of evaluation.json, which is kept and read again. Scores are in percent."""

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
    """A score held against its reference; `difference` is in points, negative where it is lower."""

    score: float
    difference: float
    holds: bool


class DatasetScore(_Part):
    """One data set.

    `score` is that of `metric`, `other_scores` those of EvalScope's other metrics. `questions` were asked, each for as
    many answers as the settings say: `answered` came, `failed` did not, or not in time. `margin` is half of the 95 %
    interval that chance alone gives a score from so few questions, in points.
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
    """Of all answers: tokens, and the mean seconds of one."""

    input_tokens: int = 0
    output_tokens: int = 0
    mean_latency_s: float | None = None


class ReferenceUsed(_Part):
    """What the scores were held against; `within` is in points."""

    name: str
    source: str
    conditions: str
    within: float


class Evaluation(_Part):
    """One evaluation; times are UTC. `complete` tells that every question was answered."""

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
        """Whether no score is below its reference."""
        return all(entry.comparison is None or entry.comparison.holds for entry in self.datasets)
