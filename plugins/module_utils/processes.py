"""Processes of a node: execution of commands, and running processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence

from ansible.module_utils.filesystem import read_below


def run(argv: Sequence[str], timeout: float) -> tuple[int, str]:
    """Run a command; return its exit code and its output, stdout and stderr combined.

    Raises:
        TimeoutError: it did not finish within `timeout` seconds; its process group was killed.
        OSError: it could not be started.
    """
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env={**os.environ, "LC_ALL": "C"},
    )
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        # A faulty driver can block its tool in the kernel: wait for it only briefly.
        os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=2)
        raise TimeoutError(f"it did not finish within {timeout:g} seconds") from None
    return process.returncode, output.decode(errors="replace")


def process_ids(root: str = "/") -> list[str]:
    """Return the ids of all processes; none if /proc cannot be read."""
    with contextlib.suppress(OSError):
        return [name for name in os.listdir(os.path.join(root, "proc")) if name.isdigit()]
    return []


def command_lines() -> Iterator[tuple[str, list[str]]]:
    """Yield id and command line of each process, without those that end meanwhile."""
    for pid in process_ids():
        if words := read_below("/", f"proc/{pid}/cmdline"):
            yield pid, words.split("\0")


def belongs_to_inferfleet(pid: int, root: str = "/") -> bool:
    """Return whether a process or an ancestor has the environment variable that all our containers set.

    A process that sets its own title (Ray's agents do) overwrites its environment; its parent's is still readable.
    """
    while pid > 1:
        if "INFERFLEET_COMPONENT=" in read_below(root, f"proc/{pid}/environ"):
            return True
        parent = read_below(root, f"proc/{pid}/stat").rpartition(")")[2].split()
        pid = int(parent[1]) if len(parent) > 1 else 0
    return False
