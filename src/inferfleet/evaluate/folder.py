"""Folder of an evaluation: named by its start time, or that of an incomplete evaluation to resume."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from inferfleet.evaluate.result import RESULT_FILE, Evaluation
from inferfleet.results import folder_for

_REQUEST = "request.json"


def choose_folder(results: Path, request: Mapping[str, Any], now: datetime, *, resume: bool) -> tuple[Path, bool]:
    """Return the folder in `results` for `request`, and whether it holds a started evaluation.

    With `resume` it is the newest incomplete evaluation of the same request.
    """
    folders = sorted(results.iterdir(), reverse=True) if resume and results.is_dir() else []
    for folder in folders:
        if _read(folder / _REQUEST) == _plain(request) and not _complete(folder):
            return folder, True
    return folder_for(results, now), False


def begin(folder: Path, request: Mapping[str, Any]) -> None:
    """Create the folder and write the request to it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _REQUEST).write_text(json.dumps(request, indent=1, ensure_ascii=False), "utf-8")


def _complete(folder: Path) -> bool:
    try:
        return Evaluation.model_validate_json((folder / RESULT_FILE).read_bytes()).complete
    except (OSError, ValidationError):
        return False


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _plain(request: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(request))
