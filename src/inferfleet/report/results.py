"""What runs have found, as it lies beside the inventory in `.results/`.

`verify/<service>.json` and `fabric/<service>.json` hold the last finding; `bench/<start>/bench.json` and
`evaluate/<start>/evaluation.json` one run each. A service without a name is called `service`.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inferfleet.files import write_atomic

SCHEMA = 1
_UNNAMED = "service"


def keep(folder: Path, kind: str, plan: Mapping[str, Any], data: Any) -> None:
    """Write a finding of `kind` about the service of `plan` in place of the one before."""
    path = folder / kind / f"{plan.get('service') or _UNNAMED}.json"
    found = {"schema": SCHEMA, "when": datetime.now(UTC).isoformat(timespec="seconds"), "data": data}
    write_atomic(path, json.dumps(found, indent=1, ensure_ascii=False))


def kept(folder: Path, kind: str, service: str) -> dict[str, Any]:
    """Return the last finding of `kind` about `service`: `when` and `data`; empty where there is none."""
    return _read(folder / kind / f"{service or _UNNAMED}.json")


def newest_runs(
    folder: Path, kind: str, file: str, service: str, *, most: int = 3
) -> list[tuple[Path, dict[str, Any]]]:
    """Return the newest runs of `kind` about `service`, newest first, each with the folder that it lies in."""
    folders = sorted((path.parent for path in (folder / kind).glob(f"*/{file}")), reverse=True)
    runs = ((path, _read(path / file)) for path in folders)
    return [(path, run) for path, run in runs if run and (run.get("plan") or {}).get("service", "") == service][:most]


def _read(path: Path) -> dict[str, Any]:
    """Return a file's map; a file that is not one of ours is none."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and found.get("schema") == SCHEMA else {}
