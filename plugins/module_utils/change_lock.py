"""The lock of a node: a file that names the run which changes the node. A reboot removes it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from typing import Any

from ansible.module_utils.filesystem import read_below, write_atomic

PATH = "/run/inferfleet/change-lock.json"
IDENTITY = ("boot_id", "pid_namespace", "pid", "pid_started")
"""Keys that identify the process of a run on any machine."""


def take(path: str, run: dict[str, Any], stale: dict[str, Any]) -> tuple[dict[str, Any], float]:
    """Lock the node for `run`, or renew its lock; a lock of the run `stale` is replaced.

    Return the run that holds the lock instead, empty if there is none, and the seconds since it was last renewed.
    """
    with _exclusive(path):
        holder = _read(path)
        if holder and not any(_same(holder, other) for other in (run, stale)):
            return holder, max(time.time() - os.stat(path).st_mtime, 0.0)
        write_atomic(path, json.dumps(run))
        return {}, 0.0


def release(path: str, run: dict[str, Any]) -> None:
    """Unlock the node if `run` holds the lock."""
    with _exclusive(path):
        if _same(_read(path), run):
            os.unlink(path)


def renew(path: str = PATH) -> None:
    """Renew the lock if there is one; called by what waits for longer than hours."""
    with contextlib.suppress(OSError):
        os.utime(path)


def _same(run: dict[str, Any], other: dict[str, Any]) -> bool:
    return bool(run) and all(run.get(key) == other.get(key) for key in IDENTITY)


def _read(path: str) -> dict[str, Any]:
    """Return the run that holds the lock; empty if there is none. The file is always complete."""
    try:
        holder = json.loads(read_below("/", path))
    except ValueError:
        return {}
    return holder if isinstance(holder, dict) else {}


@contextlib.contextmanager
def _exclusive(path: str) -> Iterator[None]:
    """Exclude other processes of this node that read and then write the lock."""
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o755, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
