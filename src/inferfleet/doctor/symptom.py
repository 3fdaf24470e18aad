"""The catalog of symptoms: data, loaded and validated once."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from inferfleet import engines
from inferfleet.catalog.loader import CatalogError, load_file
from inferfleet.catalog.schema import Pattern
from inferfleet.components import load_components
from inferfleet.engines import engine_folders, load_engines
from inferfleet.messages import N_, InvalidValueError

FOLDER = Path(__file__).with_name("symptoms")
# From the node upward: a failure of a lower layer explains those above it.
LAYERS = ("node", "accelerator", "network", "ray", "engine", "service")


class Severity(StrEnum):
    """Severity: an `error` breaks the service, a `warning` costs performance or security."""

    ERROR = "error"
    WARNING = "warning"


class LogKind(StrEnum):
    """Kind of a log that no component wrote, by its file name; `any` if unknown."""

    DOCKER = "docker"
    KERNEL = "kernel"
    ANY = "any"


def _log_kind(name: str) -> str:
    known = [*(component.name for component in load_components()), *LogKind]
    if name not in known:
        raise InvalidValueError(N_("it is not one of {choices}"), choices=known)
    return name


Text = Annotated[str, Field(min_length=10)]


class Sentence(BaseModel):
    """A sentence about the state: a template of `messages`, with an expression for each of its parameters.

    It is used if the expression `when` holds (empty: always); with `each`, once for every `item` of that expression's
    value.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    template: Text
    parameters: dict[str, str] = Field(min_length=1)
    when: str = ""
    each: str = ""


class Symptom(BaseModel):
    """A known failure, and how to detect it.

    It is found when at least `min_count` log lines match one of `patterns`, or when the expression `state` holds; a
    line counts only if `when` holds and `unless` does not. Expressions are Jinja's, over `plan`, `service`, `nodes`
    (state by name) and, with `per_node`, `node` and `name`; `evidence` describes the state in sentences. A missing
    value is false. Title, cause, check, remedy and the sentences are templates of `messages`: their Chinese is in
    locale/, in the domain `doctor`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    title: Text
    severity: Severity
    logs: tuple[Annotated[str, AfterValidator(_log_kind)], ...] = ()
    """Logs to search: names of components or of `LogKind`; empty: all. Engine logs belong to `engine`."""
    patterns: tuple[Pattern, ...] = ()
    min_count: int = 1
    when: str = ""
    unless: str = ""
    per_node: bool = True
    """Whether `state` is evaluated for every node, or once."""
    state: str = ""
    evidence: tuple[Sentence, ...] = ()
    resolved: str = ""
    """An expression like `state`: whether the node's state shows that the lines in the logs belong to the past."""
    persistent: bool = False
    """Whether an error remains after the engine became ready or answers. A warning remains until its container is
    restarted."""
    cause: Text
    check: Text
    remedy: Text
    sources: tuple[str, ...] = Field(min_length=1)
    layer: str

    @model_validator(mode="after")
    def _is_detectable(self) -> "Symptom":
        if not self.patterns and not self.state:
            raise InvalidValueError(N_("patterns or state are required"))
        if bool(self.state) != bool(self.evidence):
            raise InvalidValueError(N_("state requires evidence, and vice versa"))
        return self


def load_symptoms() -> tuple[Symptom, ...]:
    """Return every symptom, in the order of the layers and by id.

    Sources are symptoms/<layer>/<id>.yml here and in the folders of engines; patterns that an engine adds to a symptom
    (engine.yml, log_patterns) are merged into it.

    Raises:
        CatalogError: a file is invalid, two have the same id, or an engine adds patterns to an unknown symptom.
    """
    return _load(FOLDER, tuple(engines.__path__))


@cache
def _load(catalog: Path, engines_path: tuple[str, ...]) -> tuple[Symptom, ...]:
    folders = [catalog, *(folder / "symptoms" for folder in engine_folders().values())]
    paths = [path for layer in LAYERS for path in sorted(_files(folders, layer), key=lambda path: path.name)]
    files: dict[str, Path] = {}
    for path in paths:
        if other := files.get(path.stem):
            raise CatalogError(N_("Files {files} define the same symptom."), files=[str(other), str(path)])
        files[path.stem] = path
    added: dict[str, list[str]] = {}
    for name, engine in load_engines().items():
        if unknown := engine.log_patterns.keys() - files.keys():
            template = N_("File {file}: key log_patterns names symptom {symptom}, which has no file.")
            raise CatalogError(template, file=engine_folders()[name] / "engine.yml", symptom=min(unknown))
        for symptom, patterns in engine.log_patterns.items():
            added.setdefault(symptom, []).extend(patterns)
    return tuple(_symptom(path, added.get(path.stem, [])) for path in paths)


def _files(folders: Iterable[Path], layer: str) -> Iterator[Path]:
    for folder in folders:
        yield from (folder / layer).glob("*.yml")


def _symptom(path: Path, added: list[str]) -> Symptom:
    def complete(values: dict[str, Any]) -> dict[str, Any]:
        patterns = [*(values.get("patterns") or ()), *added]
        return {**values, "patterns": patterns, "id": path.stem, "layer": path.parent.name}

    return load_file(path, Symptom, complete)
