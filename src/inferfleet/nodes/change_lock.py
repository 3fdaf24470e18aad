"""The run that holds the lock of a node (plugins/modules/change_lock.py), and whether it still exists."""

import getpass
import os
import shlex
import socket
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inferfleet.messages import N_, Problem

STALE_HOURS = 24
"""A lock of another controller that was not renewed for so long belongs to no run."""


def this_run(pid: int, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the run of the ansible-playbook process `pid` with these options, as the lock stores it.

    Variables given with -e are omitted, because they may contain secrets.
    """
    words = ["ansible-playbook", *options.get("args", ())]
    words += ["--limit", options["subset"]] if options.get("subset") else []
    words += ["--tags", ",".join(options["tags"])] if list(options.get("tags") or ["all"]) != ["all"] else []
    started = _ticks(pid)
    return {
        "controller": socket.gethostname(),
        "user": _user(),
        "pid": pid,
        "started": _time(started),
        "inventory": ", ".join(options.get("inventory") or ()),
        "command": shlex.join(words),
        "boot_id": _read("/proc/sys/kernel/random/boot_id"),
        "pid_namespace": _pid_namespace(),
        "pid_started": started,
    }


def stale(holder: Mapping[str, Any], age: float) -> Problem | None:
    """Return the warning to take over the lock; None if its run may still exist.

    Only this controller, until it is restarted, can see whether the process of the run exists.
    """
    if _started_here(holder):
        started = _ticks(holder["pid"])
        if started and started == holder["pid_started"]:
            return None
        message = N_("A run of {user} on {controller} ended without unlocking the nodes: its lock is taken over.")
        return Problem("lock-taken-over", message, "", **_shown(holder))
    if age < STALE_HOURS * 3600:
        return None
    message = N_(
        "The lock of a run of {user} on {controller} since {since} was not renewed for {hours} hours: it is taken over."
    )
    return Problem("lock-taken-over", message, "", **_shown(holder), hours=STALE_HOURS)


def busy(holder: Mapping[str, Any], path: str) -> Problem:
    """Return the problem of a node that another run changes."""
    message = N_(
        "Another run has been changing these nodes since {since}: {command} with inventory {inventory},"
        " by {user} on {controller} (process {process})."
    )
    if _started_here(holder):
        return Problem("busy", message, N_("Wait until it finishes, or stop it with Ctrl-C."), **_shown(holder))
    remedy = N_(
        "Wait until it finishes, or stop it there. If that process no longer exists, delete {path} on the nodes;"
        " a lock that was not renewed for {hours} hours is taken over."
    )
    return Problem("busy", message, remedy, **_shown(holder), path=path, hours=STALE_HOURS)


def _shown(holder: Mapping[str, Any]) -> dict[str, Any]:
    names = {name: str(holder.get(name) or "?") for name in ("controller", "user", "inventory", "command")}
    return {**names, "process": str(holder.get("pid", "?")), "since": str(holder.get("started", "?"))}


def _started_here(holder: Mapping[str, Any]) -> bool:
    """Return whether the process of the run has its id on this machine, which was not restarted since."""
    boot_id, namespace = _read("/proc/sys/kernel/random/boot_id"), _pid_namespace()
    return bool(boot_id) and (boot_id, namespace) == (holder.get("boot_id"), holder.get("pid_namespace"))


def _ticks(pid: int) -> int:
    """Return when a process started, in clock ticks since boot; 0 if it does not exist."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return int(fields[19]) if len(fields) > 19 and fields[0] not in "ZX" else 0


def _time(ticks: int) -> str:
    """Return the time of a tick, or now if it is 0; to the minute, so that all nodes of a run show the same."""
    seconds = time.time()
    if ticks:
        seconds += ticks / os.sysconf("SC_CLK_TCK") - time.clock_gettime(time.CLOCK_BOOTTIME)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _pid_namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8", errors="replace").strip()
    except OSError:
        return ""
