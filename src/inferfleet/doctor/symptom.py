"""The catalog of symptoms: data, read and checked once."""

import re
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Annotated

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

# In the order of the layers, from the machine up: what lies below explains what fails above it.
LAYERS = ("node", "accelerator", "network", "ray", "engine", "service")


class Severity(StrEnum):
    """How bad it is: an `error` keeps the service from working, a `warning` costs speed or safety."""

    ERROR = "error"
    WARNING = "warning"


class LogKind(StrEnum):
    """Whose log it is, told by its file's name; `any` where the name does not tell."""

    ENGINE = "engine"
    RAY = "ray"
    WEBUI = "webui"
    DOCKER = "docker"
    KERNEL = "kernel"
    ANY = "any"


def _compilable(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
    return pattern


Pattern = Annotated[str, AfterValidator(_compilable)]
Text = Annotated[str, Field(min_length=10)]


class Words(BaseModel):
    """What people read, in another language than English."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    cause: str
    check: str
    remedy: str


class Symptom(BaseModel):
    """One thing that goes wrong, and how it shows.

    It is there when a line of a log matches one of `patterns`, at least `least` times, or when the expression
    `state` holds; `when` must hold and `unless` must not for a line to count. Expressions are Jinja's, over `plan`,
    `service`, `nodes` (state by name) and, where the symptom is looked for on `each` node, `node` and `name`;
    `evidence` is a template over the same. What no state tells is false.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    title: Text
    severity: Severity
    logs: tuple[LogKind, ...] = ()
    """Logs to look at; empty: all."""
    patterns: tuple[Pattern, ...] = ()
    least: int = 1
    when: str = ""
    unless: str = ""
    each: bool = True
    """Whether `state` is asked of every node, or once."""
    state: str = ""
    evidence: str = ""
    lasting: bool = False
    """Whether an error's line counts although the engine became ready or answers: what it tells does not go away by
    that. A warning's does, until its container is started anew."""
    cause: Text
    check: Text
    remedy: Text
    sources: tuple[str, ...] = Field(min_length=1)
    zh: Words | None = None
    layer: str = ""

    @model_validator(mode="after")
    def _shows_somehow(self) -> "Symptom":
        if not self.patterns and not self.state:
            raise ValueError(f"{self.id}: neither patterns nor state")
        if bool(self.state) != bool(self.evidence):
            raise ValueError(f"{self.id}: state and evidence go together")
        return self


@cache
def load_symptoms() -> tuple[Symptom, ...]:
    """Return the catalog, in the order of the layers.

    Raises:
        ValueError: an entry is wrong, or an id is there twice.
    """
    found: list[Symptom] = []
    for layer in LAYERS:
        content = yaml.safe_load(files(__package__).joinpath("symptoms", f"{layer}.yml").read_text("utf-8"))
        found += [Symptom(**entry, layer=layer) for entry in content]
    ids = [symptom.id for symptom in found]
    if twice := {name for name in ids if ids.count(name) > 1}:
        raise ValueError(f"Symptoms that are there twice: {', '.join(sorted(twice))}")
    return tuple(found)
