"""The form of `systems/<ID>.yml`: an operating system of the nodes, named as ID of its /etc/os-release."""

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from inferfleet.catalog.loader import FOLDER, load_file

Names = tuple[str, ...]
Release = Annotated[str, Field(pattern=r"^\d+(\.\d+)*$")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Repository(_Entry):
    """A repository of packages; an empty `url` means that there is none for the system."""

    url: str = ""
    key: str = ""  # URL of the key that signs it
    suites: str = "/"  # apt only
    components: str = ""  # apt only


class DockerPackages(_Entry):
    """Where Docker is installed from: packages of the distribution, or those of Docker's own repository."""

    distribution: Names = ()
    docker: Names = ()
    repository: Repository = Repository()


class Flavours(_Entry):
    """The driver's packages with NVIDIA's open and with its proprietary kernel modules."""

    open: Names = ()
    proprietary: Names = ()


class DriverSources(_Entry):
    """The driver's packages by source, the value of `nvidia_driver_source`; in a folder they are files."""

    nvidia: Flavours = Flavours()
    distribution: Flavours = Flavours()
    folder: Flavours = Flavours()


class FabricManager(_Entry):
    """Package of the fabric manager by source; empty: the source has none."""

    nvidia: str = ""
    distribution: str = ""
    folder: str = ""


class NvidiaDriver(_Entry):
    """NVIDIA's driver. Placeholders: {pin} {branch} {driver_major} {kernel} {architecture} {deb_architecture}."""

    repository: str = ""  # folder of developer.download.nvidia.com/compute/cuda/repos
    key: str = ""  # file name there
    pin: Names = ()  # installed before the driver: it keeps the branch or the version
    headers: Names = ()  # what building the kernel modules needs
    headers_newest: Names = ()  # the same of the system's newest kernel, where the node's is not known: in a bundle
    packages: DriverSources = DriverSources()
    fabric_manager: FabricManager = FabricManager()


class AmdDriver(_Entry):
    """AMD's driver. Placeholder: {release} of ROCm."""

    suites: str = ""
    repositories: dict[str, str] = {}  # name -> path below amd_driver_repository_url


class System(_Entry):
    """An operating system, which also stands for its rebuilds and for what names it in ID_LIKE of os-release.

    Placeholders everywhere: {id}, {version} (22.04), {major} (22), {digits} (2204) and {codename} of the node.
    """

    title: str
    package_manager: Literal["apt", "dnf"]
    oldest: Release  # the oldest release that is supported
    rebuilds: Names = ()  # IDs of systems that are the same, release by release
    repositories_by: Literal["release", "major"] = "release"
    """What nodes must have in common to use the same packages: the release, or only its first number."""
    python: str  # command that installs a Python which runs Ansible's modules
    initramfs: Annotated[Names, Field(min_length=1)]  # command that writes the initial file system
    images: dict[str, str] = {}  # `<ID>-<release>` -> container image that takes the system's packages
    docker: DockerPackages
    nvidia_driver: NvidiaDriver = NvidiaDriver()
    amd_driver: AmdDriver = AmdDriver()
    haproxy: str = ""  # version of the distribution's HAProxy; empty: not known
    monitoring: bool = False  # whether the distribution has the packages of the monitoring, named as in Debian
    aria2_repository: dict[str, str] = {}
    """Package that adds the repository which has aria2, by ID, or `default`; empty: the system's own have it."""
    since: dict[Release, dict[str, Any]] = {}
    """Release -> what differs from then on, in the form of this file."""


@cache
def load_systems(folder: Path = FOLDER) -> dict[str, System]:
    """Return every operating system of the catalog by ID; raises CatalogError."""
    return {file.stem: load_file(file, System) for file in sorted((folder / "systems").glob("*.yml"))}
