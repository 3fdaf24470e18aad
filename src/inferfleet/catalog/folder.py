"""Folders of models that the user provides, also those in the layout of Hugging Face's cache.

The cache stores a repository as `models--<owner>--<name>/snapshots/<commit>`, whose files are links to `../../blobs`
(huggingface_hub/file_download.py; docs: Understand caching).
"""

import os
from pathlib import Path, PurePosixPath


def _cached_repository(folder: PurePosixPath) -> PurePosixPath | None:
    """Return the folder `models--<owner>--<name>` of a revision in Hugging Face's cache; None for other folders."""
    repository = folder.parent.parent
    in_cache = folder.parent.name == "snapshots" and repository.name.startswith("models--")
    return repository if in_cache else None


def folder_name(folder: PurePosixPath) -> str:
    """Return the name of the model in a folder: in Hugging Face's cache, that of its repository."""
    repository = _cached_repository(folder)
    return repository.name.rpartition("--")[2] if repository else folder.name


def blobs_folder(folder: PurePosixPath) -> str:
    """Return the folder that the links of a model's folder point to; empty if it is not in Hugging Face's cache."""
    repository = _cached_repository(folder)
    return str(repository / "blobs") if repository else ""


def provided_folders(model: str) -> list[str]:
    """Return the folder that setting `model` names, and the folder of its links; empty for a model of the catalog."""
    if not model.startswith("/"):
        return []
    folder = PurePosixPath(model).parent if model.endswith(".json") else PurePosixPath(model)
    return [path for path in (str(folder), blobs_folder(folder)) if path]


def blob_mounts(path: str, inside: str) -> list[str]:
    """Return the mount that the links in the folder `path` need in a container that mounts it at `inside`."""
    blobs = blobs_folder(PurePosixPath(path))
    return [f"{blobs}:{PurePosixPath(inside).parent.parent / 'blobs'}:ro"] if blobs else []


def cached_revision(repository: Path) -> Path | None:
    """Return the newest revision in a repository's folder of Hugging Face's cache; None if there is none."""
    if not is_readable(repository):  # on which Path.glob fails
        return None
    found = [path.parent for path in repository.glob("snapshots/*/config.json")]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def is_readable(path: Path) -> bool:
    """Return whether a path exists and this user may read it; Path.exists and is_dir fail without permission."""
    return os.access(path, os.R_OK)
