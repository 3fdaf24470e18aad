"""The folders of the last runs: one a run, named by its start, kept while the run lasts and for some runs more."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import chain, count
from pathlib import Path

RUNS_KEPT = 10


def runs_folder(root: Path) -> Path:
    """Return where the logs of the last runs lie."""
    return root / ".cache" / "inferfleet" / "runs"


@contextmanager
def new_run(runs: Path) -> Iterator[Path]:
    """Make the folder of a run that starts now, and remove what is too old when the run ends.

    Raises:
        OSError: the folder cannot be made.
    """
    runs.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = _claim(runs, datetime.now().strftime("%Y-%m-%dT%H-%M-%S"))
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # the system lets go of it however this process ends
        yield folder
    finally:
        remove_old_runs(runs)  # before the lock goes: ten shorter runs may have come and gone since
        os.close(handle)


def remove_old_runs(runs: Path) -> None:
    """Remove all but the last runs and those that are not over."""
    for folder in sorted(runs.iterdir())[:-RUNS_KEPT]:
        if not _in_use(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _claim(runs: Path, start: str) -> Path:
    """Return a new folder whose name sorts by time; runs that start in one second differ by a number."""
    names = chain([start], (f"{start}.{number}" for number in count(2)))
    return next(runs / name for name in names if _made(runs / name))


def _made(folder: Path) -> bool:
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:  # another run of this second was there first
        return False
    return True


def _in_use(folder: Path) -> bool:
    try:
        handle = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return False  # another run has just removed it
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
