"""Docker images named by their content: what exists under its name is never built again."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import docker
from docker.errors import BuildError, ImageNotFound

from lab import host
from lab.problem import LabError
from lab.shell import run

RECIPES = Path(__file__).parent / "recipes"
NAMESPACE = "inferfleet-lab"
# What no container reads; the list stays in force for what a node installs later.
EXCLUDED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")


def digest(parts: Iterable[bytes]) -> str:
    """Return 12 hex digits that stand for `parts` and their order."""
    total = hashlib.sha256()
    for part in parts:
        total.update(hashlib.sha256(part).digest())
    return total.hexdigest()[:12]


def folder_parts(folder: Path) -> list[bytes]:
    """Return names and contents of a folder's files in a fixed order, for `digest`."""
    files = sorted(file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return [part for file in files for part in (str(file.relative_to(folder)).encode(), file.read_bytes())]


def exists(client: docker.DockerClient, reference: str) -> bool:
    """Tell whether the Docker engine holds this image."""
    try:
        client.images.get(reference)
    except ImageNotFound:
        return False
    return True


@contextmanager
def build_folder(cache: Path) -> Iterator[Path]:
    """Give an empty folder in the cache that goes away afterwards."""
    (cache / "tmp").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache / "tmp") as folder:
        yield Path(folder)


def packages(recipe: str) -> list[str]:
    """Return the Debian packages of a recipe."""
    return (RECIPES / recipe / "packages.txt").read_text().split()


def debian(client: docker.DockerClient, cache: Path, wanted: list[str]) -> str:
    """Return a Debian image with these packages, made when missing.

    It comes from the host's Debian mirror, or from the image LAB_BASE_IMAGE where a registry is reachable.
    """
    mirrors = host.mirrors(host.read_apt_sources())
    base = os.environ.get("LAB_BASE_IMAGE", "")
    options = [f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDED] + ["--dpkgopt=force-unsafe-io"]
    parts = [host.RELEASE, base, mirrors.deb822(), *options, *sorted(wanted)]
    reference = f"{NAMESPACE}/debian:{digest(part.encode() for part in parts)}"
    if exists(client, reference):
        return reference
    with build_folder(cache) as folder:
        if base:
            (folder / "Dockerfile").write_text(
                f"FROM {base}\nCOPY inherited/ /\n"
                "RUN apt-get update && apt-get install -y --no-install-recommends " + " ".join(wanted) + "\n"
            )
            write_files(folder / "inherited", host.inherited_files())
            build(client, folder, reference, {})
        else:
            sources = folder / "debian.sources"
            sources.write_text(mirrors.deb822())
            archive = folder / "rootfs.tar"
            # The package lists stay: a node's first install then needs no update.
            run(
                [
                    "mmdebstrap",
                    "--variant=minbase",
                    f"--include={','.join(wanted)}",
                    *options,
                    "--skip=cleanup/apt/lists",
                    '--aptopt=Acquire::Languages "none"',
                    host.RELEASE,
                    archive,
                    sources,
                ],
                log=cache / "logs" / f"{reference.split(':')[1]}-debian.log",
            )
            repository, tag = reference.split(":")
            client.api.import_image_from_file(str(archive), repository=repository, tag=tag)
    return reference


def write_files(root: Path, files: Mapping[str, bytes]) -> None:
    """Write path → content below `root`."""
    for path, content in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def build(client: docker.DockerClient, folder: Path, reference: str, arguments: Mapping[str, str]) -> None:
    """Build the Dockerfile in `folder` under the name `reference`.

    Raises LabError with the failing line.
    """
    try:
        client.images.build(path=str(folder), tag=reference, buildargs=dict(arguments), rm=True, forcerm=True)
    except BuildError as error:
        raise LabError(f"The image {reference} could not be built: {error.msg}") from error


def node(client: docker.DockerClient, cache: Path) -> str:
    """Return the image of a bare node, made when missing."""
    base = debian(client, cache, packages("node"))
    inherited = host.inherited_files()
    recipe = folder_parts(RECIPES / "node")
    files = [part for path, content in inherited.items() for part in (path.encode(), content)]
    reference = f"{NAMESPACE}/node:{digest([base.encode(), *recipe, *files])}"
    if not exists(client, reference):
        with build_folder(cache) as folder:
            shutil.copytree(RECIPES / "node", folder, dirs_exist_ok=True)
            write_files(folder / "inherited", inherited)
            build(client, folder, reference, {"BASE": base})
    return reference
