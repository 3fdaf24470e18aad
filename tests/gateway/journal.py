"""Prints HAProxy's log as `journalctl --output=json --follow` prints the journal.

python -m tests.gateway.journal LOG [--after-cursor POSITION]
"""

import contextlib
import json
import sys
import time
from pathlib import Path


def entries(path: str, position: int) -> None:
    """Print an entry for each line from a position in the file on."""
    with Path(path).open("rb") as log:
        log.seek(position)
        while True:
            line = log.readline()
            while line and not line.endswith(b"\n"):
                line += log.readline()
            if not line:
                time.sleep(0.02)
                continue
            position += len(line)
            entry = {"__CURSOR": str(position), "__REALTIME_TIMESTAMP": str(time.time_ns() // 1000)}
            print(json.dumps({**entry, "MESSAGE": line.decode().rstrip()}), flush=True)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        entries(sys.argv[1], int(sys.argv[3]) if len(sys.argv) > 2 else 0)
