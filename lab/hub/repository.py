"""Model folders as repositories: their content, with the hashes that hubs announce."""

import hashlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
LFS_SUFFIXES = frozenset({".safetensors", ".bin", ".pt", ".pth", ".gguf", ".onnx", ".model"})
LFS_SIZE = 10 * 2**20  # bytes; the Hub stores larger files in Git LFS
BRANCH = "main"


@dataclass(frozen=True)
class Entry:
    """One file of a repository: its `path` there, the `file` on disk, its `size` in bytes and its known hashes."""

    path: str
    file: Path
    size: int
    sha256: str | None
    blob_id: str | None
    pointer_size: int | None  # bytes of the Git LFS pointer; None: the file is not in LFS

    @property
    def lfs(self) -> bool:
        """Whether the Hub would store the file in Git LFS."""
        return self.pointer_size is not None

    @property
    def etag(self) -> str | None:
        """The ETag without quotes: the SHA-256 of an LFS file, the git object id of any other."""
        return self.sha256 if self.lfs else self.blob_id


@dataclass(frozen=True)
class Snapshot:
    """The content of a repository at one moment; `commit` is derived from the content alone."""

    repo_id: str
    commit: str
    modified: float  # seconds since 1970
    entries: dict[str, Entry]

    def has_revision(self, revision: str) -> bool:
        """Whether `revision` names this snapshot."""
        return revision in (BRANCH, self.commit)

    def folders(self) -> list[str]:
        """The paths of all folders, sorted."""
        return sorted({str(folder) for path in self.entries for folder in PurePosixPath(path).parents[:-1]})

    def without_hashes(self) -> "Snapshot":
        """Return the snapshot of a hub without hashes, and therefore without Git LFS."""
        entries = {
            path: replace(entry, sha256=None, blob_id=None, pointer_size=None) for path, entry in self.entries.items()
        }
        return replace(self, entries=entries)


class Repositories:
    """The repositories in a folder. Files are hashed once, and again if their size or time changes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._hashed: dict[tuple[Path, int, int], Entry] = {}

    def names(self) -> list[str]:
        """The ids (`owner/name`) of all repositories."""
        folders = (folder for folder in self.root.glob("*/*") if folder.is_dir())
        ids = (folder.relative_to(self.root) for folder in folders)
        return sorted(str(repo_id) for repo_id in ids if all(NAME.fullmatch(part) for part in repo_id.parts))

    def snapshot(self, owner: str, name: str) -> Snapshot | None:
        """Return the current content of `owner/name`, or None if the repository does not exist."""
        folder = self.root / owner / name
        if not (NAME.fullmatch(owner) and NAME.fullmatch(name) and folder.is_dir()):
            return None
        with self._lock:  # concurrent requests must not hash the same new files
            entries = {path: self._entry(path, file) for path, file in _files(folder)}
        lines = "".join(f"{entry.sha256} {entry.size} {path}\n" for path, entry in entries.items())
        modified = max((entry.file.stat().st_mtime for entry in entries.values()), default=folder.stat().st_mtime)
        return Snapshot(f"{owner}/{name}", hashlib.sha1(lines.encode()).hexdigest(), modified, entries)

    def _entry(self, path: str, file: Path) -> Entry:
        status = file.stat()
        key = (file, status.st_size, status.st_mtime_ns)
        if key not in self._hashed:
            self._hashed[key] = describe(path, file)
        return self._hashed[key]


def describe(path: str, file: Path) -> Entry:
    """Hash `file` and describe it as the repository's `path`."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    if file.suffix not in LFS_SUFFIXES and size < LFS_SIZE:
        return Entry(path, file, size, sha256, _blob_id(file.read_bytes()), None)
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
    return Entry(path, file, size, sha256, _blob_id(pointer), len(pointer))


def _blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files of a repository with their paths in it, sorted.

    Folders with a leading dot contain the state of tools, such as .git. Links to the outside are not served.
    """
    real = folder.resolve()
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder)
        hidden = any(part.startswith(".") for part in path.parts[:-1])
        if not hidden and file.is_file() and file.resolve().is_relative_to(real):
            yield path.as_posix(), file
