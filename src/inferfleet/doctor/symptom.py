"""The catalog of symptoms: data, read and checked once."""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from inferfleet import engines
from inferfleet.components import load_components
from inferfleet.engines import engine_folders, load_engines

FOLDER = Path(__file__).with_name("symptoms")
# In the order of the layers, from the machine up: what lies below explains what fails above it.
LAYERS = ("node", "accelerator", "network", "ray", "engine", "service")


class Severity(StrEnum):
    """How bad it is: an `error` keeps the service from working, a `warning` costs speed or safety."""

    ERROR = "error"
    WARNING = "warning"


class LogKind(StrEnum):
    """Whose log it is where no component wrote it, told by its file's name; `any` where the name does not tell."""

    DOCKER = "docker"
    KERNEL = "kernel"
    ANY = "any"


def _compilable(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
    return pattern


def _log_kind(name: str) -> str:
    known = [*(component.name for component in load_components()), *LogKind]
    if name not in known:
        raise ValueError(f"{name!r} is none of {', '.join(known)}")
    return name


Pattern = Annotated[str, AfterValidator(_compilable)]
Text = Annotated[str, Field(min_length=10)]


class Sentence(BaseModel):
    """What the state shows, in words: a template of `messages`, with an expression for each of its parameters.

    It is written where the expression `when` holds (empty: always); where `each` is given, once for every `item` of
    that expression's value.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    template: Text
    parameters: dict[str, str] = Field(min_length=1)
    when: str = ""
    each: str = ""


class Symptom(BaseModel):
    """One thing that goes wrong, and how it shows.

    It is there when a line of a log matches one of `patterns`, at least `least` times, or when the expression
    `state` holds; `when` must hold and `unless` must not for a line to count. Expressions are Jinja's, over `plan`,
    `service`, `nodes` (state by name) and, where the symptom is looked for on `each` node, `node` and `name`;
    `evidence` puts the same into words. What no state shows is false. Title, cause, check, remedy and the sentences of
    the evidence are templates of `messages`: their Chinese is in locale/, in the domain `doctor`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    title: Text
    severity: Severity
    logs: tuple[Annotated[str, AfterValidator(_log_kind)], ...] = ()
    """Logs to look at: components' names, or of `LogKind`; empty: all. An engine's is that of the component engine."""
    patterns: tuple[Pattern, ...] = ()
    least: int = 1
    when: str = ""
    unless: str = ""
    each: bool = True
    """Whether `state` is asked of every node, or once."""
    state: str = ""
    evidence: tuple[Sentence, ...] = ()
    lasting: bool = False
    """Whether an error's line counts although the engine became ready or answers: what it tells does not go away by
    that. A warning's does, until its container is restarted."""
    cause: Text
    check: Text
    remedy: Text
    sources: tuple[str, ...] = Field(min_length=1)
    layer: str

    @model_validator(mode="after")
    def _shows_somehow(self) -> "Symptom":
        if not self.patterns and not self.state:
            raise ValueError(f"{self.id}: neither patterns nor state")
        if bool(self.state) != bool(self.evidence):
            raise ValueError(f"{self.id}: state and evidence go together")
        return self


def load_symptoms() -> tuple[Symptom, ...]:
    """Return every symptom, in the order of the layers and by id.

    They are the catalog's, symptoms/<layer>/<id>.yml, and those of an engine alone, in its folder's symptoms/<layer>/;
    patterns that an engine adds to a symptom of the catalog (engine.yml, log_patterns) are among that symptom's.

    Raises:
        ValueError: a file is wrong, two have the same id, or an engine adds patterns to a symptom that is not there.
    """
    return _load(FOLDER, tuple(engines.__path__))


@cache
def _load(catalog: Path, engines_path: tuple[str, ...]) -> tuple[Symptom, ...]:
    folders = [catalog, *(folder / "symptoms" for folder in engine_folders().values())]
    paths = [path for layer in LAYERS for path in sorted(_files(folders, layer), key=lambda path: path.name)]
    ids = [path.stem for path in paths]
    if twice := {name for name in ids if ids.count(name) > 1}:
        raise ValueError(f"Several symptoms have the id {', '.join(sorted(twice))}")
    added: dict[str, list[str]] = {}
    for name, engine in load_engines().items():
        if unknown := engine.log_patterns.keys() - set(ids):
            raise ValueError(f"log_patterns of engine {name} names {sorted(unknown)[0]}, which is no symptom")
        for symptom, patterns in engine.log_patterns.items():
            added.setdefault(symptom, []).extend(patterns)
    return tuple(_symptom(path, added.get(path.stem, [])) for path in paths)


def _files(folders: Iterable[Path], layer: str) -> Iterator[Path]:
    for folder in folders:
        yield from (folder / layer).glob("*.yml")


def _symptom(path: Path, added: list[str]) -> Symptom:
    values: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    patterns = (*values.pop("patterns", ()), *added)
    return Symptom(**values, patterns=patterns, id=path.stem, layer=path.parent.name)
