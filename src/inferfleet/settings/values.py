"""Types of the values of settings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, get_args, get_origin

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic.fields import FieldInfo
from pydantic_core import PydanticKnownError

from inferfleet.engines import load_engines
from inferfleet.settings.validators import (
    boolean,
    context_length,
    data_path,
    direct_host,
    email,
    host_port,
    http_url,
    image,
    interface,
    locale,
    model_name,
    network,
    number,
    optional_path,
    prefix,
    proxy,
    rdma_ports,
    registry,
    repository,
    revision,
    source_network,
    variable_name,
    virtual_address,
    word,
)


def engine_names() -> list[str]:
    """Return the values of `engine`: `auto`, and the discovered engines in order of preference."""
    return ["auto", *load_engines()]


def _engine(value: str) -> str:
    names = engine_names()
    if value not in names:
        listed = ", ".join(map(repr, names[:-1]))
        raise PydanticKnownError("literal_error", {"expected": f"{listed} or {names[-1]!r}"})
    return value


DataPath = Annotated[str, AfterValidator(data_path)]
OptionalPath = Annotated[str, AfterValidator(optional_path)]
HttpUrl = Annotated[str, AfterValidator(http_url)]
ProxyUrl = Annotated[str, AfterValidator(proxy)]
DirectHost = Annotated[str, AfterValidator(direct_host)]
Interface = Annotated[str, AfterValidator(interface)]
RdmaPorts = Annotated[str, AfterValidator(rdma_ports)]
Network = Annotated[str, AfterValidator(network)]
VirtualAddress = Annotated[str, AfterValidator(virtual_address)]
SourceNetwork = Annotated[str, AfterValidator(source_network)]
Repository = Annotated[str, AfterValidator(repository)]
HostPort = Annotated[str, AfterValidator(host_port)]
Registry = Annotated[str, AfterValidator(registry)]
Prefix = Annotated[str, AfterValidator(prefix)]
Image = Annotated[str, AfterValidator(image)]
VariableName = Annotated[str, AfterValidator(variable_name)]
Email = Annotated[str, AfterValidator(email)]
Name = Annotated[str, StringConstraints(min_length=1)]
Word = Annotated[Name, AfterValidator(word)]
Revision = Annotated[Name, AfterValidator(revision)]
ModelName = Annotated[str, AfterValidator(model_name)]
Locale = Annotated[Name, AfterValidator(locale)]
Port = Annotated[int, Field(ge=1, le=65535), BeforeValidator(number)]
OptionalPort = Annotated[int, Field(ge=0, le=65535), BeforeValidator(number)]
Count = Annotated[int, Field(ge=0), BeforeValidator(number)]
Switch = Annotated[bool, BeforeValidator(boolean)]
Days = Annotated[int, Field(ge=1, le=3650), BeforeValidator(number)]
Gibibytes = Annotated[int, Field(ge=1), BeforeValidator(number)]
Seconds = Annotated[float, Field(ge=0), BeforeValidator(number)]
Share = Annotated[float, Field(gt=0, le=1), BeforeValidator(number)]


@dataclass(frozen=True)
class Choices:
    """The values of a setting that are discovered at runtime."""

    of: Callable[[], Sequence[str]]


def choices(field: FieldInfo) -> tuple[str, ...]:
    """Return the allowed values of a setting; empty if every value of its type is allowed."""
    if get_origin(field.annotation) is Literal:
        return get_args(field.annotation)
    return next((tuple(item.of()) for item in field.metadata if isinstance(item, Choices)), ())


@dataclass(frozen=True)
class Unit:
    """Unit of a number."""

    name: str


Tokens = Annotated[Count, Unit("tokens")]
DraftTokens = Annotated[int, Field(ge=-1), BeforeValidator(number), Unit("tokens")]
ContextLength = Annotated[Tokens, AfterValidator(context_length)]
Bytes = Annotated[Count, Unit("bytes")]
# HAProxy holds a request in one buffer (tune.bufsize), at most 2 GiB; less than a prompt is of no use.
BodyBytes = Annotated[int, Field(ge=65536, le=1073741824), BeforeValidator(number), Unit("bytes")]
EngineName = Annotated[str, AfterValidator(_engine), Choices(engine_names)]
