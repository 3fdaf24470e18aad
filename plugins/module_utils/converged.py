"""The record of a deployment that changed nothing, on each node: what it read, and the state that it left unchanged.

A run that reads the same on the same state would change nothing either. The record is next to the lock of the node,
below /run: a reboot removes it, and so does every run that takes the lock, which may change the node.
"""

from __future__ import annotations

import contextlib
import json
import os
from typing import Any

from ansible.module_utils.filesystem import read_below, write_atomic
from ansible.module_utils.observation import observe, reason

RECORD, PENDING = "converged.json", "converging.json"
SHOWN = 5
"""Differences that a run names."""


def forget(folder: str) -> None:
    """Remove the record, because the run that has just locked the node may change it."""
    _remove(folder, RECORD)
    drop_pending(folder)


def drop_pending(folder: str) -> None:
    """Remove what `begin` has kept."""
    _remove(folder, PENDING)


def compare(lock: str) -> dict[str, Any]:
    """Return the record of the node whose lock is the file `lock`: `since`, `run`, `inputs` and first `differences`.

    The record has the options of its observation, so that the node is compared before this run has planned anything.
    Without a record, the differences are those for which the last complete run wrote none, or `record`.
    """
    record = _read(os.path.dirname(lock), RECORD)
    if os.path.exists(lock) or not _valid(record):
        return {"since": "", "run": "", "inputs": {}, "differences": record.get("unrecorded", ["record"])}
    found = _differing(record["observed"], observe(record["options"]))
    return {**{key: record[key] for key in ("since", "run", "inputs")}, "differences": found}


def begin(folder: str, inputs: dict[str, str], options: dict[str, Any]) -> None:
    """Keep the state at the beginning of a complete run until `finish`."""
    forget(folder)
    begun = {"inputs": inputs, "options": options, "observed": observe(options)}
    write_atomic(os.path.join(folder, PENDING), json.dumps(begun), 0o600)


def finish(folder: str, run: str, since: str) -> list[str]:
    """Record the state at the end of a run that changed nothing, or return why it is not that of its beginning."""
    begun = {**_read(folder, PENDING), "run": run, "since": since}
    if not _valid(begun):
        return ["record"]
    found = _differing(begun["observed"], observe(begun["options"]))
    write_atomic(os.path.join(folder, RECORD), json.dumps({"unrecorded": found} if found else begun), 0o600)
    return found


def _valid(record: dict[str, Any]) -> bool:
    kinds = {"inputs": dict, "options": dict, "observed": dict, "run": str, "since": str}
    return all(isinstance(record.get(key), kind) for key, kind in kinds.items())


def _differing(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """Return the names of the first differences, with the reason why something could not be read."""
    names = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))[:SHOWN]
    reasons = {name: reason(now.get(name, "")) for name in names}
    return [f"{name} ({reasons[name]})" if reasons[name] else name for name in names]


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
