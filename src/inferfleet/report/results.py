"""Results of runs, stored next to the inventory in `.results/`.

`verify/<service>.json` and `fabric/<service>.json` contain the last result; `bench/<start>/bench.json` and
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


def save_result(folder: Path, kind: str, plan: Mapping[str, Any], data: Any) -> None:
    """Write the result of `kind` for the service of `plan`, replacing the previous one."""
    path = folder / kind / f"{plan.get('service') or _UNNAMED}.json"
    result = {"schema": SCHEMA, "when": datetime.now(UTC).isoformat(timespec="seconds"), "data": data}
    write_atomic(path, json.dumps(result, indent=1, ensure_ascii=False))


def load_result(folder: Path, kind: str, service: str) -> dict[str, Any]:
    """Return the last result of `kind` for `service`, with `when` and `data`; empty without one."""
    return _read(folder / kind / f"{service or _UNNAMED}.json")


def newest_runs(
    folder: Path, kind: str, file: str, service: str, *, limit: int = 3
) -> list[tuple[Path, dict[str, Any]]]:
    """Return the newest runs of `kind` for `service` with their folders, newest first."""
    folders = sorted((path.parent for path in (folder / kind).glob(f"*/{file}")), reverse=True)
    runs = ((path, _read(path / file)) for path in folders)
    return [(path, run) for path, run in runs if run and (run.get("plan") or {}).get("service", "") == service][:limit]


def _read(path: Path) -> dict[str, Any]:
    """Return the content of a result file; empty if the file is missing or invalid."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) and content.get("schema") == SCHEMA else {}
