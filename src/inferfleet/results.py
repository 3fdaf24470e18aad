"""Folders of results: each bears the time at which it was begun, so that they sort by age."""

from datetime import UTC, datetime
from pathlib import Path

_NAME = "%Y%m%dT%H%M%SZ"


def folder_for(results: Path, begun: datetime) -> Path:
    """Return the folder below `results` of what was begun at that time, which is in UTC."""
    return results / begun.strftime(_NAME)


def started_at(folder: Path) -> datetime:
    """Return when what lies in `folder` was begun, in UTC to the second, by the folder's name.

    Raises:
        ValueError: the name is no time.
    """
    return datetime.strptime(folder.name, _NAME).replace(tzinfo=UTC)
