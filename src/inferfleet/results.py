"""Result folders, named after the start time of their run so that they sort by age."""

from datetime import UTC, datetime
from pathlib import Path

_NAME = "%Y%m%dT%H%M%SZ"


def folder_for(results: Path, started: datetime) -> Path:
    """Return the folder below `results` for a run that started at `started` (UTC)."""
    return results / started.strftime(_NAME)


def started_at(folder: Path) -> datetime:
    """Return the start time (UTC, to the second) that the name of a result folder encodes.

    Raises:
        ValueError: the name is not a time.
    """
    return datetime.strptime(folder.name, _NAME).replace(tzinfo=UTC)
