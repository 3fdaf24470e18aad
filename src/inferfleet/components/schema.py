"""The form of a component's file: what runs beside the models, where, and how others get at it."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

ReachedBy = Literal["clients", "nodes", "head", "localhost"]
Absolute = Annotated[str, Field(pattern=r"^/[\w./-]+$")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Port(_Entry):
    """A port, or a range of ports, that a component listens on."""

    setting: str = ""  # key of the settings that holds it; empty: `number` is fixed
    number: Annotated[int, Field(ge=1, le=65535)] | Literal["", "engine"] = (
        ""  # where no setting names one; engine: its own
    )
    offset: int = Field(default=0, ge=0)  # counted from there
    last: int = Field(default=0, ge=0, le=65535)  # last port of a range; 0: it is one port
    purpose: str = ""  # what it is for, where the component has several
    protocol: Literal["tcp", "udp"] = "tcp"
    groups: tuple[str, ...] = ()  # whose hosts listen; empty: all of the component's
    reached_by: Annotated[tuple[ReachedBy, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _has_a_source(self) -> Self:
        if not self.setting and not isinstance(self.number, int):
            raise ValueError("a port needs a setting or a number")
        return self


class Data(_Entry):
    """A folder that holds a component's data on its hosts."""

    path: Absolute
    variable: str = ""  # variable of the role that puts it elsewhere


class Health(_Entry):
    """How others see that a component works."""

    path: str = ""  # HTTP path on its first port that answers 200 as soon as it is up
    status: Literal["http", "ray", "completion", "chat"] = "http"  # what `inferfleet status` checks it by


class Component(_Entry):
    """What runs on the hosts of its groups, as a container or as a systemd unit."""

    name: str  # that of its file
    title: str
    role: str = "component_service"  # that deploys it
    groups: Annotated[tuple[str, ...], Field(min_length=1)]  # of the inventory
    after: tuple[str, ...] = ()  # components that are deployed before and removed after it
    only: dict[str, str] = {}  # settings that it runs with; empty: always
    image: str = ""  # name:tag
    plan_image: str = ""  # key of the plan that names the image; `image` is then the default
    packages: tuple[str, ...] = ()  # of the node's system
    container: str = ""
    unit: str = ""  # of systemd
    accelerators: bool = False  # whether its container has the node's accelerators
    ports: tuple[Port, ...] = ()
    health: Health = Health()
    files: dict[str, Absolute] = {}  # configuration on its hosts, by what our roles call it
    data: tuple[Data, ...] = ()
    volumes: tuple[str, ...] = ()  # of Docker
    secrets: tuple[str, ...] = ()  # settings that are generated where nobody sets them
    logs: str = ""  # regular expression of names of further logs that are its own, besides the container's

    @model_validator(mode="after")
    def _is_runnable(self) -> Self:
        if bool(self.container) == bool(self.unit):
            raise ValueError("a component has either a container or a unit")
        if self.container and not (self.image or self.plan_image):
            raise ValueError("a container has image or plan_image")
        if self.health.status == "http" and not (self.health.path and self.ports):
            raise ValueError("a check over HTTP needs health.path and a port")
        if strangers := [group for port in self.ports for group in port.groups if group not in self.groups]:
            raise ValueError(f"{strangers[0]} of a port is none of its groups")
        return self

    @property
    def log_names(self) -> str:
        """Regular expression of the names of its logs."""
        return "|".join(filter(None, (self.container or self.unit, self.logs)))

    @property
    def following(self) -> dict[str, int]:
        """How many ports after that of a setting it uses too, by setting."""
        return {port.setting: port.offset for port in sorted(self.ports, key=lambda port: port.offset) if port.offset}
