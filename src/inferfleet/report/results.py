"""Results of runs, stored next to the inventory in `.results/`.

`verify/<name>.json` and `fabric/<name>.json` contain the last result of the plan of that name, or of the only plan as
`service`; `bench/<start>/bench.json` and `evaluate/<start>/evaluation.json` one run each.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inferfleet.files import write_atomic
from inferfleet.planner.plan import plan_name

SCHEMA = 1
_UNNAMED = "service"


def save_result(folder: Path, kind: str, plan: Mapping[str, Any], data: Any) -> None:
    """Write the result of `kind` for `plan`, replacing the previous one."""
    path = folder / kind / f"{plan_name(plan) or _UNNAMED}.json"
    result = {"schema": SCHEMA, "when": datetime.now(UTC).isoformat(timespec="seconds"), "data": data}
    write_atomic(path, json.dumps(result, indent=1, ensure_ascii=False))


def load_result(folder: Path, kind: str, name: str) -> dict[str, Any]:
    """Return the last result of `kind` for the plan `name`, with `when` and `data`; empty without one."""
    return _read(folder / kind / f"{name or _UNNAMED}.json")


def newest_runs(folder: Path, kind: str, file: str, name: str, *, limit: int = 3) -> list[tuple[Path, dict[str, Any]]]:
    """Return the newest runs of `kind` for the plan `name` with their folders, newest first."""
    folders = sorted((path.parent for path in (folder / kind).glob(f"*/{file}")), reverse=True)
    runs = ((path, _read(path / file)) for path in folders)
    return [(path, run) for path, run in runs if run and plan_name(run.get("plan") or {}) == name][:limit]


def _read(path: Path) -> dict[str, Any]:
    """Return the content of a result file; empty if the file is missing or invalid."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) and content.get("schema") == SCHEMA else {}
