"""The record of a deployment that changed nothing, on each node: what it read, and the state that it left unchanged.

A run that reads the same on the same state would change nothing either. The record is next to the lock of the node,
below /run: a reboot removes it, and so does every run that takes the lock, unless it finds the node as recorded.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any

from ansible.module_utils.filesystem import read_below, write_atomic

RECORD, PENDING = "converged.json", "converging.json"
SHOWN = 5
"""Differences that a run names."""


def forget(folder: str) -> None:
    """Remove the record, because the run that has just locked the node may change it."""
    _remove(folder, RECORD)
    drop_pending(folder)


def drop_pending(folder: str) -> None:
    """Remove what `compare` has kept."""
    _remove(folder, PENDING)


def compare(folder: str, inputs: dict[str, str], options: dict[str, Any], observed: dict[str, str]) -> dict[str, Any]:
    """Return `since`, `run` and the `differences` of the node from its record, which is removed if there are any.

    The state is kept until `finish`: the run is a complete one also if another node differs.
    """
    record = _read(folder, RECORD)
    found = differences(record, inputs, observed)
    if found:
        forget(folder)
        record = {"since": "", "run": ""}
    begun = {"inputs": inputs, "options": options, "observed": observed}
    write_atomic(os.path.join(folder, PENDING), json.dumps(begun), 0o600)
    return {"differences": found[:SHOWN], "since": record["since"], "run": record["run"]}


def differences(record: dict[str, Any], inputs: dict[str, str], observed: dict[str, str]) -> list[str]:
    """Return the names of what differs from the record, inputs first; only `record` if there is none."""
    kinds = {"inputs": dict, "observed": dict, "run": str, "since": str}
    if not all(isinstance(record.get(key), kind) for key, kind in kinds.items()):
        return ["record"]
    names = [f"inputs: {name}" for name in _differing(record["inputs"], inputs)]
    return names + _differing(record["observed"], observed)


def pending(folder: str) -> dict[str, Any]:
    """Return what `compare` has kept of the beginning of this run; empty if there is nothing."""
    return _read(folder, PENDING)


def finish(folder: str, observed: dict[str, str], run: str, since: str) -> bool:
    """Record the state at the end of a run that changed nothing; return whether it is that of its beginning."""
    begun = {**_read(folder, PENDING), "run": run, "since": since}
    if differences(begun, begun.get("inputs", {}), observed):
        return False
    write_atomic(os.path.join(folder, RECORD), json.dumps(begun), 0o600)
    return True


def _differing(before: dict[str, str], now: dict[str, str]) -> list[str]:
    return sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))


def _remove(folder: str, name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(folder, name))


def _read(folder: str, name: str) -> dict[str, Any]:
    """Return a file of this module; empty if it is missing or broken."""
    try:
        found = json.loads(read_below(folder, name))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
