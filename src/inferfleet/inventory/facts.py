"""Check the nodes' facts: operating system, ports in use, disk space. Missing facts cause no problem."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, NonNegativeInt, ValidationError

from inferfleet.inventory.ports import variable
from inferfleet.messages import N_, Message, Problem
from inferfleet.nodes import oldest_systems, supported
from inferfleet.settings import Settings

GIB = 2**30
Facts = Mapping[str, Mapping[str, Any]]
REPORTED = ("inferfleet_node", "inferfleet_accelerators", "inferfleet_fabric")
"""Facts that the modules node_facts, accelerator_facts and fabric_facts set."""


class Weights(Protocol):
    """The weights that a node has to store."""

    @property
    def checkpoint(self) -> str:
        """Repository of the checkpoint."""

    @property
    def checkpoint_bytes(self) -> int:
        """Bytes of its files; 0 if not known."""


class _Recorded(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")


class _Accelerator(_Recorded):
    name: str = ""
    memory_mib: NonNegativeInt | None = None


class _Interface(_Recorded):
    name: str
    addresses: list[str] = []


class _ModelFolder(_Recorded):
    path: str
    exists: bool
    missing: list[str]
    outside: dict[str, str]
    real_path: str
    digest: str
    bytes: NonNegativeInt


class _Node(_Recorded):
    """The facts of one node that planning reads, with their types."""

    accelerators: list[_Accelerator] = []
    interfaces: list[_Interface] = []
    driver_version: str | None = None
    memory_bytes: NonNegativeInt | None = None
    pci: dict[str, Any] = {}
    distribution: dict[str, Any] = {}
    disk: dict[str, Any] = {}
    listening: dict[str, Any] = {}
    present: dict[str, Any] = {}
    copies: dict[str, str] = {}
    model_folder: Annotated[_ModelFolder | None, BeforeValidator(lambda value: value or None)] = None


def wrong_fact(reported: Mapping[str, Any]) -> tuple[str, Any] | None:
    """Return path and value of the first fact of one node that has the wrong type, None if all are valid."""
    try:
        _Node.model_validate(flat_facts(reported))
    except ValidationError as error:
        first = error.errors()[0]
        return ".".join(map(str, first["loc"])), first["input"]
    return None


def flat_facts(reported: Mapping[str, Any], *, keep_driver: bool = True) -> dict[str, Any]:
    """Return the facts of one node in one mapping; `reported` holds them by module or flat.

    `keep_driver`: whether the driver version stays, i.e. is not about to be upgraded.
    """
    parts = [reported[name] for name in REPORTED if isinstance(reported.get(name), Mapping)]
    if not parts:
        flat = dict(reported)
    else:
        flat = {key: value for part in parts[:1] for key, value in part.items()}
        for part in parts[1:]:  # empty lists do not override; the interfaces of node_facts remain
            empty = {key for key in ("accelerators", "interfaces") if not part.get(key)}
            flat |= {key: value for key, value in part.items() if key not in empty}
    flat.pop("problems", None)
    if not keep_driver:
        flat.pop("driver_version", None)
    return flat


@dataclass(frozen=True)
class Host:
    """A host with its facts, and the ports and disk space that its components need."""

    name: str
    facts: Mapping[str, Any]
    """Facts of module node_facts."""
    ports: Mapping[str, int] = field(default_factory=dict)
    """Port by its purpose (a variable, or a component's title)."""
    space: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """By purpose, the path and the bytes still needed there."""
    is_gateway: bool = False
    virtual_address: str = ""
    """With its prefix length, on a host that may hold it."""
    is_monitored: bool = False


_LEAST_SPACE_GIB = 1
"""Free space that containers and their logs need at least; symptom disk-full has the same bound."""


def needed_space(
    facts: Mapping[str, Any], settings: Settings, weights: Weights | None, image_space_gib: int
) -> dict[str, tuple[str, int]]:
    """Return the disk space that a node needs: path and missing bytes by purpose.

    `weights` is None for a node that serves no model, or one in a folder that the user provides.
    """
    # A node with a running Docker has its images, or the space was checked when they were pulled.
    needed = min(image_space_gib, _LEAST_SPACE_GIB) if facts.get("docker") else image_space_gib
    space = {"images": (settings.container_data_root, needed * GIB)}
    if weights is not None:
        present = facts.get("present")
        held = present.get(weights.checkpoint, 0) if isinstance(present, Mapping) else 0
        there = held if isinstance(held, int) else 0
        space["the weights"] = (settings.model_root, max(0, weights.checkpoint_bytes - there))
    return space


def check_system(host: Host) -> list[Problem]:
    """Require an operating system that the roles support."""
    system = host.facts.get("distribution")
    if not isinstance(system, Mapping) or supported(system):
        return []
    name = f"{system['id']} {system['version_id']}".rstrip()
    return [
        Problem(
            "system-unsupported",
            N_("Host {host} runs {system}."),
            N_("Use one of {systems}, or a later release."),
            host=host.name,
            systems=oldest_systems(),
            system=name if system["id"] else Message("", N_("an unknown system")),
        )
    ]


def check_free_ports(host: Host) -> list[Problem]:
    """Require that no other program listens on the ports of the components."""
    listening = host.facts.get("listening")
    if not isinstance(listening, Mapping):
        return []
    return [
        Problem(
            "port-taken",
            N_("Port {port} of {name} is in use on {host} by {program}."),
            N_("Stop that program, or set {variable} to a free port.") if variable(name) else N_("Stop that program."),
            port=port,
            name=name,
            host=host.name,
            program=listening[str(port)],
            variable=variable(name),
        )
        for name, port in host.ports.items()
        if listening.get(str(port), "inferfleet") != "inferfleet"
    ]


def check_disks(host: Host) -> list[Problem]:
    """Require disk space for images and weights; sizes on the same file system are added up."""
    disks = host.facts.get("disk")
    if not isinstance(disks, Mapping):
        return []
    problems = []
    by_device: dict[Any, list[tuple[str, str, int]]] = {}
    for name, (path, needed) in host.space.items():
        measured = disks.get(path)
        if isinstance(measured, Mapping) and isinstance(measured.get("free_bytes"), int):
            by_device.setdefault(measured.get("device", path), []).append((name, path, needed))
    for items in by_device.values():
        free = disks[items[0][1]]["free_bytes"]
        total = sum(needed for _, _, needed in items)
        if total > free:
            wanted = [_share(name, path, size) for name, path, size in items if size]
            problems.append(
                Problem(
                    "disk-too-small",
                    N_("Host {host} has {free:.1f} GiB free, but needs {wanted}."),
                    N_("Free {missing:.1f} GiB there, or point model_root or container_data_root to a larger disk."),
                    host=host.name,
                    free=free / GIB,
                    missing=(total - free) / GIB,
                    wanted=_both(wanted),
                )
            )
    return problems


def _share(name: str, path: str, size: int) -> Message:
    images, weights = N_("{size:.1f} GiB for images in {path}"), N_("{size:.1f} GiB for the weights in {path}")
    return Message("", images if name == "images" else weights, size=size / GIB, path=path)


def _both(wanted: list[Message]) -> Message:
    first, *others = wanted
    return Message("", N_("{first} and {second}"), first=first, second=others[0]) if others else first
