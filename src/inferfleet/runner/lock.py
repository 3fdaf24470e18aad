"""A lock that allows one changing run per inventory."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inferfleet.messages import N_
from inferfleet.runner.checkout import state_folder
from inferfleet.runner.errors import UsageError


@contextmanager
def locked(root: Path, inventory: str) -> Iterator[None]:
    """Lock the inventory for this process; the system releases the lock when the process exits.

    Raises:
        UsageError: another process holds the lock.
        OSError: the lock cannot be written.
    """
    path = state_folder(root, os.environ) / "locks" / hashlib.sha256(inventory.encode()).hexdigest()[:16]
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise UsageError(
                "busy",
                N_("Another run is using {inventory} (process {process})."),
                N_("Wait until it finishes, or stop it with Ctrl-C."),
                inventory=inventory,
                process=file.read().strip() or "?",
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
