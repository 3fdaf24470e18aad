"""The alerts: one file each in alerts/, with the series by which promtool tests that it fires, and that it does not."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from inferfleet.catalog.loader import load_file
from inferfleet.doctor import load_symptoms
from inferfleet.messages import N_, InvalidValueError

FOLDER = Path(__file__).with_name("alerts")
Text = Annotated[str, Field(min_length=10)]
Duration = Annotated[str, Field(pattern=r"^\d+[smhd]$")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Thresholds:
    """Limits that a site sets; an alert whose limit is 0 does not exist."""

    queue_seconds: float = 30
    ttft_seconds: float = 0
    """Of the 95th percentile, for example twice that of the stored benchmark."""
    tpot_seconds: float = 0
    time_factor: float = 1
    """Of the times that conditions last, and of the windows over which they look."""


class Texts(_Entry):
    """What is wrong and what to do: templates of `messages` without parameters."""

    title: Text
    cause: Text
    check: Text
    remedy: Text


class Case(_Entry):
    """Series of a test, one sample a minute in promtool's notation, and the labels of the alert at a time."""

    series: Annotated[dict[str, str], Field(min_length=1)]
    at: Duration
    labels: dict[str, str] = {}


class Alert(_Entry):
    """An alert: `expr` is PromQL, in which `$name` stands for one of `Thresholds`."""

    name: str = ""  # that of its file in CamelCase, set when it is loaded
    severity: Literal["critical", "warning"]
    expr: str
    wait: Duration  # how long the expression must hold
    threshold: Literal["", "queue_seconds", "ttft_seconds", "tpot_seconds"] = ""
    symptom: str = ""  # the doctor's symptom with the texts; empty: `texts`
    texts: Texts | None = None
    fires: Case
    healthy: Case

    @model_validator(mode="after")
    def _has_texts(self) -> "Alert":
        if bool(self.symptom) == bool(self.texts):
            raise InvalidValueError(N_("an alert has either a symptom or texts"))
        if self.symptom and self.symptom not in {symptom.id for symptom in load_symptoms()}:
            raise InvalidValueError(N_("there is no symptom {symptom}"), symptom=self.symptom)
        return self

    def described(self) -> Texts:
        """Return its texts: those of the symptom, or its own."""
        if self.texts:
            return self.texts
        symptom = next(symptom for symptom in load_symptoms() if symptom.id == self.symptom)
        return Texts(title=symptom.title, cause=symptom.cause, check=symptom.check, remedy=symptom.remedy)


@cache
def load_alerts(folder: Path = FOLDER) -> tuple[Alert, ...]:
    """Return every alert by the name of its file; raises CatalogError."""
    return tuple(
        load_file(file, Alert).model_copy(update={"name": file.stem.replace("-", " ").title().replace(" ", "")})
        for file in sorted(folder.glob("*.yml"))
    )
