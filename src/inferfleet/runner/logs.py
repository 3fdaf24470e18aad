"""Log folders of the last runs: one per run, named after its start time."""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from itertools import chain, count
from pathlib import Path

from inferfleet.runner.checkout import state_folder

RUNS_KEPT = 10


def runs_folder(root: Path, env: Mapping[str, str]) -> Path:
    """Return the folder with the logs of the last runs."""
    return state_folder(root, env) / "runs"


@contextmanager
def new_run(runs: Path) -> Iterator[Path]:
    """Create the folder of a new run, and remove old folders when the run ends.

    Raises:
        OSError: the folder cannot be created.
    """
    runs.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = _create_unique(runs, datetime.now().strftime("%Y-%m-%dT%H-%M-%S"))
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # released by the system when this process exits
        yield folder
    finally:
        remove_old_runs(runs)  # before unlocking: ten shorter runs may have finished meanwhile
        os.close(handle)


def remove_old_runs(runs: Path) -> None:
    """Remove all folders except those of the last runs and of running ones."""
    for folder in sorted(runs.iterdir())[:-RUNS_KEPT]:
        if not _in_use(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _create_unique(runs: Path, start: str) -> Path:
    """Return a new folder whose name sorts by time; runs of the same second get a number."""
    names = chain([start], (f"{start}.{number}" for number in count(2)))
    return next(runs / name for name in names if _created(runs / name))


def _created(folder: Path) -> bool:
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:  # another run started in the same second
        return False
    return True


def _in_use(folder: Path) -> bool:
    try:
        handle = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return False  # removed by another run
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
