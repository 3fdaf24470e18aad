"""Session folders of Ray: each of its starts leaves one with logs in the volume of its container; old ones are removed.

Ray names them `session_<date>_<time>_<microseconds>_<process>`, and points the link `session_latest` to the one that it
creates when it starts (`_private/node.py` of Ray 2.60). The volume outlives the container.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path

from inferfleet_supervisor.docker_api import Docker, DockerRefusedError, DockerUnavailableError
from inferfleet_supervisor.member import Seen

KEPT = 4  # before the present one: the logs of the last failures
_FOLDER = "ray"  # of the volume, which is /tmp of the container
_PREFIX, _LATEST = "session_", "session_latest"


def live(folder: Path, started: float) -> str:
    """Return the name of the session of a Ray that was started at a time; empty if it has not created it yet."""
    try:
        link = folder / _LATEST
        return link.readlink().name if link.lstat().st_mtime >= started else ""
    except OSError:
        return ""


def outdated(names: Iterable[str], present: str) -> list[str]:
    """Return the sessions to remove: all but the present one and the last KEPT before it."""
    others = sorted(name for name in names if name.startswith(_PREFIX) and name not in (_LATEST, present))
    return others[:-KEPT]


def remove_outdated(folder: Path, present: str) -> list[str]:
    """Remove old sessions and return their names."""
    names = [entry.name for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
    removed = outdated(names, present)
    for name in removed:
        shutil.rmtree(folder / name, ignore_errors=True)
    return removed


class Sessions:
    """The sessions of a node. `volumes`: the volume of each container that has sessions."""

    def __init__(self, docker: Docker, volumes: Mapping[str, str]) -> None:
        self.docker, self.volumes = docker, volumes
        self.cleaned: dict[str, str] = {}

    async def due(self, seen: Mapping[str, Seen | None]) -> list[tuple[Path, str]]:
        """Return folder and present session of the containers that have created one since the last call."""
        found = []
        for name, volume in self.volumes.items():
            state = seen.get(name)
            if state is None or not state.running or self.cleaned.get(name) == state.started:
                continue
            try:
                mountpoint = await self.docker.folder_of(volume)
            except (DockerUnavailableError, DockerRefusedError):
                continue
            folder = Path(mountpoint) / _FOLDER
            present = live(folder, seconds_of(state.started))
            if mountpoint and present:
                self.cleaned[name] = state.started
                found.append((folder, present))
        return found


async def clean(folder: Path, present: str) -> None:
    """Remove old sessions in a thread: a slow disk delays no report."""
    loop = asyncio.get_running_loop()
    try:
        removed = await loop.run_in_executor(None, remove_outdated, folder, present)
    except OSError as error:
        print(f"Cannot remove old sessions in {folder}: {error}", flush=True)
        return
    if removed:
        print(f"Removed {len(removed)} old sessions in {folder}", flush=True)


def seconds_of(started: str) -> float:
    """Return the seconds since the epoch of a time as Docker writes it, with nanoseconds."""
    return datetime.strptime(started[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc).timestamp()
