"""The index of a bundle: its contents and the SHA-256 of every file."""

import hashlib
import json
import re
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inferfleet.files import write_atomic

FORMAT = 1
INDEX = "bundle.json"
IMAGES = "images.json"
"""Manifest of the image folder, in the form of the role's `model_weights_manifest`."""
_EXCLUDED = ("weights", ".tools")
"""Folders that are not indexed: the weights have their own manifest."""


def image_file(name: str) -> str:
    """Return the file name of an image's archive."""
    return re.sub(r"[^\w.-]+", "_", name) + ".tar"


def read_index(folder: Path) -> dict[str, Any]:
    """Return the index of the bundle in `folder`; empty if it is missing or unreadable."""
    try:
        index = json.loads((folder / INDEX).read_text())
    except (OSError, ValueError):
        return {}
    return index if isinstance(index, dict) else {}


def make_index(folder: Path, about: Mapping[str, Any]) -> dict[str, Any]:
    """Write and return the index of a bundle; `about` describes its contents (see `check_bundle`).

    Files whose size and modification time match the previous index are not hashed again. Images and packages that
    `about` no longer names are deleted. The images get a manifest of their own, for peer-to-peer distribution.
    """
    before = read_index(folder).get("files", {})
    kept = {entry["file"] for kind in ("systems", "images") for entry in about[kind].values()}
    files: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or name.split("/")[0] in _EXCLUDED or name in (INDEX, IMAGES):
            continue
        if name not in kept and name.split("/")[0] in ("images", "packages"):
            path.unlink()
        else:
            files[name] = _entry(path, before.get(name, {}))
    index = {"format": FORMAT, **about, "files": files}
    for name, content in ((INDEX, index), (IMAGES, _tree(files))):
        write_atomic(folder / name, json.dumps(content, indent=1) + "\n")
    return index


def add_image(folder: Path, name: str, archive: Path) -> dict[str, Any]:
    """Move a Docker archive of the image `name` into the bundle in `folder`; write and return the new index.

    Raises:
        ValueError: `folder` contains no bundle, or `archive` no image of that name.
    """
    index = read_index(folder)
    if not index:
        raise ValueError(f"{folder} contains no bundle")
    digest, layers = archived_image(archive, name)
    target = folder / "images" / image_file(name)
    target.parent.mkdir(exist_ok=True)
    image = {"file": f"images/{target.name}", "digest": digest, "layers": layers}
    index["images"] = {**index["images"], name: image}
    # First: what the index does not name is deleted by the next run, also after an interruption.
    write_atomic(folder / INDEX, json.dumps(index, indent=1) + "\n")
    shutil.move(archive, target)
    return make_index(folder, {key: value for key, value in index.items() if key not in ("format", "files")})


def archived_image(archive: Path, name: str) -> tuple[str, list[str]]:
    """Return the digest of the configuration of image `name` in a Docker archive, and the digests of its layers.

    Raises:
        ValueError: The file is no Docker archive, or contains no image of that name.
    """
    try:
        with tarfile.open(archive) as tar:
            images = json.loads(_member(tar, "manifest.json"))
            named = (image for image in images if name in map(_short_name, image["RepoTags"] or []))
            config = next((image["Config"] for image in named), None)
            if config is None:
                raise ValueError(f"{archive} contains no image {name}")
            content = _member(tar, config)
    except (tarfile.TarError, KeyError) as error:
        raise ValueError(f"{archive} is no Docker archive: {error}") from error
    return f"sha256:{hashlib.sha256(content).hexdigest()}", json.loads(content)["rootfs"]["diff_ids"]


def _short_name(tag: str) -> str:
    """Return the name of an image as Docker shows it; skopeo writes the name of Docker Hub out."""
    return tag.removeprefix("docker.io/").removeprefix("library/")


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    if file is None:
        raise KeyError(name)
    return file.read()


def _entry(path: Path, before: Mapping[str, Any]) -> dict[str, Any]:
    info = path.stat()
    stamp = [info.st_size, info.st_mtime_ns]
    if before.get("stamp") == stamp:
        return dict(before)
    with path.open("rb") as content:
        return {"size": info.st_size, "sha256": hashlib.file_digest(content, "sha256").hexdigest(), "stamp": stamp}


def _tree(files: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    images = {
        name.removeprefix("images/"): {"size": entry["size"], "algorithm": "sha256", "hash": entry["sha256"]}
        for name, entry in files.items()
        if name.startswith("images/")
    }
    digest = hashlib.sha256(json.dumps(images, sort_keys=True).encode()).hexdigest()
    about = {"repository": "images", "revision": "bundle", "commit": digest}
    return {"about": about, "files": images, "bytes": sum(image["size"] for image in images.values())}
