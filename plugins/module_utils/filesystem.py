"""Files and file systems of a node."""

from __future__ import annotations

import contextlib
import os


def read_below(root: str, path: str) -> str:
    """Return the text of a file below the folder `root`; empty if it cannot be read."""
    try:
        with open(os.path.join(root, path), errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def sync(path: str) -> None:
    """Flush a file or folder to the disk, so that a renamed file is not empty after a power failure."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomic(path: str, text: str, mode: int = 0o644, durable: bool = False) -> None:
    """Replace a file atomically: readers see either the old content or the new; on failure the old one remains.

    `durable` guarantees this for a power failure too.
    """
    new = f"{path}.new"
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(new, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise


def existing_parent(path: str) -> str:
    """Return `path`, or its nearest parent that exists."""
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return path


def space(path: str) -> dict[str, int]:
    """Return `free_bytes` and `total_bytes` of the file system of `path`, or of its nearest parent that exists."""
    stat = os.statvfs(existing_parent(path))
    return {"free_bytes": stat.f_bavail * stat.f_frsize, "total_bytes": stat.f_blocks * stat.f_frsize}


def mount(path: str) -> tuple[str, str, str]:
    """Return source, mount point and type of the file system that holds the real path `path`."""
    best = ("", "", "")
    with open("/proc/self/mounts") as lines:
        for line in lines:
            source, point, kind = (word.replace("\\040", " ") for word in line.split(" ")[:3])
            inside = path == point or path.startswith(point.rstrip("/") + "/")
            if inside and len(point) >= len(best[1]):
                best = (source, point, kind)
    return best
