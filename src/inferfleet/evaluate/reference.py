"""Reference scores: those published for the model, or those of an earlier evaluation."""

import difflib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from inferfleet.evaluate.errors import EvaluationError
from inferfleet.evaluate.result import RESULT_FILE, Evaluation
from inferfleet.messages import N_, Message, os_reason

FILE = Path(__file__).with_name("references.yml")


class Score(BaseModel):
    """One score in percent. `metric` is empty for the benchmark's main one; `args` are settings of EvalScope."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    score: float
    metric: str = ""
    args: dict[str, Any] = {}


class Reference(BaseModel):
    """Scores by benchmark, where they come from, and how they were measured."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    conditions: str = ""
    scores: dict[str, Score]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    sources: dict[str, str]
    conditions: dict[str, str]
    references: dict[str, Reference]


@cache
def load_references() -> dict[str, Reference]:
    """Return the published references by the catalog's name of the model."""
    return _File.model_validate(yaml.safe_load(FILE.read_text("utf-8"))).references


def find_reference(name: str) -> Reference:
    """Return the published reference called `name`, or the one in an evaluation.json at that path (or in its folder).

    Raises:
        EvaluationError: there is no such reference.
    """
    if "/" in name or name.endswith(".json"):
        return _of_file(Path(name).expanduser())
    references = load_references()
    if name not in references:
        raise EvaluationError(
            "unknown-reference",
            N_("Variable evaluate_reference is {name}, for which there are no published scores."),
            N_("{nearest} The evaluation.json of an earlier run can be used as well."),
            name=repr(name),
            nearest=nearest(name, references),
        )
    return references[name]


def nearest(name: str, names: Iterable[str]) -> Message:
    """Return the remedy for a name that does not exist."""
    names = sorted(names)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return Message("", N_("Did you mean {nearest}?"), nearest=near)
    return Message("", N_("Choose one of {names}."), names=names)


def _of_file(path: Path) -> Reference:
    file = path / RESULT_FILE if path.is_dir() else path
    try:
        evaluation = Evaluation.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        unread = Message("", N_("it is not the result of an evaluation"))
        raise EvaluationError(
            "bad-reference",
            N_("Variable evaluate_reference is {path}, which cannot be read: {reason}."),
            N_("Specify an evaluation.json, or a model with published scores such as deepseek-r1."),
            path=repr(str(path)),
            reason=os_reason(error) if isinstance(error, OSError) else unread,
        ) from None
    answered = [entry for entry in evaluation.datasets if entry.answered]
    return Reference(
        source=str(file),
        conditions=f"measured {evaluation.started:%Y-%m-%d %H:%M} UTC",
        scores={entry.name: Score(score=entry.score, metric=entry.metric) for entry in answered},
    )
