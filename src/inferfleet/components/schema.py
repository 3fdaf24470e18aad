"""Schema of a component file."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from inferfleet.messages import N_, InvalidValueError

ReachedBy = Literal["clients", "nodes", "head", "localhost"]
Absolute = Annotated[str, Field(pattern=r"^/[\w./-]+$")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Port(_Entry):
    """A port, or a range of ports, that a component listens on."""

    setting: str = ""  # setting with the port; empty: `number` is fixed
    number: Annotated[int, Field(ge=1, le=65535)] | Literal["", "engine"] = (
        ""  # port if the setting is 0 or empty; engine: the engine's default
    )
    offset: int = Field(default=0, ge=0)  # added to the port
    last: int = Field(default=0, ge=0, le=65535)  # last port of a range; 0: a single port
    purpose: str = ""  # purpose, if the component has several ports
    protocol: Literal["tcp", "udp"] = "tcp"
    groups: tuple[str, ...] = ()  # groups whose hosts listen; empty: all groups of the component
    reached_by: Annotated[tuple[ReachedBy, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _has_a_source(self) -> Self:
        if not self.setting and not isinstance(self.number, int):
            raise InvalidValueError(N_("a port needs a setting or a number"))
        return self


class Data(_Entry):
    """A folder that holds a component's data on its hosts."""

    path: Absolute
    variable: str = ""  # role variable that changes the path


class Health(_Entry):
    """Health check of a component."""

    path: str = ""  # HTTP path on its first port that returns 200 when the component is ready
    # check used by `inferfleet status`
    status: Literal["http", "ray", "completion", "chat", "rules", "supervisor", "unit"] = "http"
    table: str = ""  # nftables table of family inet, of which `rules` checks that it is loaded


class Component(_Entry):
    """A container or systemd unit on the hosts of its groups."""

    name: str = ""  # name of its file, set when it is loaded
    title: str
    role: str = "component_service"  # role that deploys it
    groups: Annotated[tuple[str, ...], Field(min_length=1)]  # inventory groups; "*": those of all other components
    after: tuple[str, ...] = ()  # components deployed before and removed after this one
    fronts: tuple[str, ...] = ()  # components whose clients connect to this one instead, where it is deployed
    only: dict[str, str | bool] = {}  # required values of settings; empty: always deployed
    with_group: str = ""  # group without a host of which it is not deployed at all
    needs: tuple[str, ...] = ()  # settings without which it is not deployed: empty by default
    image: str = ""  # name:tag
    plan_image: str = ""  # key of the plan that names the image; `image` is then the default
    packages: tuple[str, ...] = ()  # system packages
    container: str = ""
    unit: str = ""  # systemd unit
    accelerators: bool = False  # whether its container has the node's accelerators
    ports: tuple[Port, ...] = ()
    health: Health = Health()
    files: dict[str, Absolute] = {}  # configuration files on its hosts, by name in the roles
    data: tuple[Data, ...] = ()
    volumes: tuple[str, ...] = ()  # Docker volumes
    secrets: tuple[str, ...] = ()  # settings that are generated if empty
    logs: str = ""  # regular expression for names of additional logs, besides the container's

    @model_validator(mode="after")
    def _is_runnable(self) -> Self:
        if bool(self.container) == bool(self.unit):
            raise InvalidValueError(N_("a component has either a container or a unit"))
        if self.container and not (self.image or self.plan_image):
            raise InvalidValueError(N_("a container has image or plan_image"))
        if self.health.status == "http" and not (self.health.path and self.ports):
            raise InvalidValueError(N_("a check over HTTP needs health.path and a port"))
        if self.health.status == "unit" and not self.unit:
            raise InvalidValueError(N_("a check of the unit needs one"))
        if (self.health.status == "rules") != bool(self.health.table):
            raise InvalidValueError(N_("a check of rules needs health.table, and no other check has one"))
        if unknown := [group for port in self.ports for group in port.groups if group not in self.groups]:
            raise InvalidValueError(N_("{group} of a port is not one of its groups"), group=unknown[0])
        return self

    @property
    def log_names(self) -> str:
        """Regular expression for the names of its logs."""
        return "|".join(filter(None, (self.container or self.unit, self.logs)))

    @property
    def following(self) -> dict[str, int]:
        """Number of additional ports after that of a setting, by setting."""
        return {port.setting: port.offset for port in sorted(self.ports, key=lambda port: port.offset) if port.offset}
