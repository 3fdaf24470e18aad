"""Docker images named by their content: existing ones are never rebuilt."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import docker
import httpx
from docker.errors import APIError, BuildError, ImageNotFound

from lab import host
from lab.problem import LabError
from lab.shell import has_ended, run

RECIPES = Path(__file__).parent / "recipes"
NAMESPACE = "inferfleet-lab"
# Files that no container reads; the exclusion also applies to later installations on a node.
EXCLUDED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")


def digest(parts: Iterable[bytes]) -> str:
    """Return a digest of 12 hex digits of `parts` and their order."""
    total = hashlib.sha256()
    for part in parts:
        total.update(hashlib.sha256(part).digest())
    return total.hexdigest()[:12]


def files_below(folder: Path) -> list[Path]:
    """Return a folder's files in a fixed order."""
    return sorted(file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts)


def named_contents(folder: Path, files: Iterable[Path]) -> list[bytes]:
    """Return names below `folder` and contents of files, for `digest`."""
    return [part for file in files for part in (str(file.relative_to(folder)).encode(), file.read_bytes())]


def folder_parts(folder: Path) -> list[bytes]:
    """Return names and contents of a folder's files, for `digest`."""
    return named_contents(folder, files_below(folder))


def exists(client: docker.DockerClient, reference: str) -> bool:
    """Return whether the Docker engine has the image."""
    try:
        client.images.get(reference)
    except ImageNotFound:
        return False
    return True


def remove(client: docker.DockerClient) -> list[str]:
    """Remove the lab images, except those used by containers of other checkouts; return their names."""
    removed = []
    for image in client.images.list(name=f"{NAMESPACE}/*"):
        for tag in image.tags:
            try:
                client.images.remove(tag)
            except APIError as error:
                if error.status_code != httpx.codes.CONFLICT:
                    raise
            else:
                removed.append(tag)
    return removed


@contextmanager
def build_folder(cache: Path) -> Iterator[Path]:
    """Yield a temporary folder in the cache; also remove leftovers of killed processes."""
    (cache / "tmp").mkdir(parents=True, exist_ok=True)
    for left in (cache / "tmp").iterdir():
        if has_ended(int(left.name.split("-")[0])):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=cache / "tmp", prefix=f"{os.getpid()}-") as folder:
        yield Path(folder)


def packages(recipe: str) -> list[str]:
    """Return the Debian packages of an image."""
    return (RECIPES / recipe / "packages.txt").read_text().split()


def application_base(client: docker.DockerClient, cache: Path) -> str:
    """Return the base image of the engine and the web UI, built if missing."""
    return debian(client, cache, packages("application"), package_lists=False)


def debian(client: docker.DockerClient, cache: Path, wanted: list[str], package_lists: bool, release: str = "") -> str:
    """Return a Debian image with the packages `wanted`, built if missing.

    It is built from the Debian mirror of the host, or from the image LAB_BASE_IMAGE if a registry is reachable.
    With `package_lists` it keeps the lists of apt, so that the first installation on a node needs no update.
    """
    release = release or host.RELEASE
    mirrors = host.mirrors(host.read_apt_sources())
    base = os.environ.get("LAB_BASE_IMAGE", "") if release == host.RELEASE else ""
    options = [f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDED] + ["--dpkgopt=force-unsafe-io"]
    parts = [release, base, mirrors.deb822(release), *options, *sorted(wanted), *([] if package_lists else ["bare"])]
    reference = f"{NAMESPACE}/debian:{digest(part.encode() for part in parts)}"
    if exists(client, reference):
        return reference
    if package_lists:
        options += ["--skip=cleanup/apt/lists", '--aptopt=Acquire::Languages "none"']
    with build_folder(cache) as folder:
        if base:
            write_files(folder / "inherited", host.inherited_files())
            (folder / "Dockerfile").write_text(debian_from_image(base, wanted, package_lists))
            build(client, [folder], reference, cache / "logs")
        else:
            sources, archive = folder / "debian.sources", folder / "rootfs.tar"
            sources.write_text(mirrors.deb822(release))
            command = ["mmdebstrap", "--variant=minbase", f"--include={','.join(wanted)}", *options]
            repository, tag = reference.split(":")
            run([*command, release, archive, sources], log=cache / "logs" / f"debian-{tag}.log")
            client.api.import_image_from_file(str(archive), repository=repository, tag=tag)
    return reference


def debian_from_image(base: str, wanted: list[str], package_lists: bool) -> str:
    """Return the Dockerfile that adds the packages `wanted` to the Debian image `base`."""
    clean = "" if package_lists else " && rm -rf /var/lib/apt/lists/*"
    return (
        f"FROM {base}\nCOPY inherited/ /\n"
        f"RUN apt-get update && apt-get install -y --no-install-recommends {' '.join(wanted)}{clean}\n"
    )


def write_files(root: Path, files: Mapping[str, bytes]) -> None:
    """Write path → content below `root`."""
    for path, content in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def build(
    client: docker.DockerClient,
    folders: list[Path],
    reference: str,
    logs: Path,
    arguments: Mapping[str, str] | None = None,
) -> None:
    """Build the Dockerfile in `folders`, which together are the build context, as `reference`.

    The context is streamed to Docker: copying it on disk would take longer than the build.
    Raises LabError with the path of the log in the folder `logs`.
    """
    parts = [part for folder in folders for part in ("-C", str(folder), ".")]
    log = logs / f"{reference.split('/')[-1].replace(':', '-')}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(["tar", "-c", *parts], stdout=subprocess.PIPE) as archive:
        try:
            client.images.build(
                fileobj=archive.stdout, custom_context=True, tag=reference, buildargs=dict(arguments or {}),
                rm=True, forcerm=True,
            )  # fmt: skip
        except BuildError as error:
            log.write_text("".join(line.get("stream", "") for line in error.build_log))
            raise LabError(f"The image {reference} could not be built. Read {log}.") from error


def node(client: docker.DockerClient, cache: Path, release: str = "") -> str:
    """Return the image of a bare node, built if missing."""
    base = debian(client, cache, packages("node"), package_lists=True, release=release)
    inherited = host.inherited_files(release or host.RELEASE)
    recipe = folder_parts(RECIPES / "node")
    files = [part for path, content in inherited.items() for part in (path.encode(), content)]
    reference = f"{NAMESPACE}/node:{digest([base.encode(), *recipe, *files])}"
    if not exists(client, reference):
        with build_folder(cache) as folder:
            write_files(folder / "inherited", inherited)
            build(client, [RECIPES / "node", folder], reference, cache / "logs", {"BASE": base})
    return reference
