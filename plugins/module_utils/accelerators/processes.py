"""A node's processes, as far as they matter for accelerators."""

from __future__ import annotations

import contextlib
import os

from ansible.module_utils.accelerators.files import read

DAEMONS = ("nv-fabricmanager", "nvidia-persistenced")


def daemons(root):
    """Return those of DAEMONS that run."""
    names = {read(root, path).strip() for path in _process_files(root, "comm")}
    return [name for name in DAEMONS if name[:15] in names]  # the kernel cuts names at 15 letters


def ours(root, pid):
    """Tell whether a process or one of its ancestors carries the variable that all our containers set."""
    while pid > 1:
        if "INFERFLEET_COMPONENT=" in read(root, f"proc/{pid}/environ"):
            return True
        parent = read(root, f"proc/{pid}/stat").rpartition(")")[2].split()
        pid = int(parent[1]) if len(parent) > 1 else 0
    return False


def _process_files(root, name):
    with contextlib.suppress(OSError):
        return [f"proc/{pid}/{name}" for pid in os.listdir(os.path.join(root, "proc")) if pid.isdigit()]
    return []
