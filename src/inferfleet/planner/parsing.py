"""Reading facts, which may come from a file that someone has edited."""

from collections.abc import Mapping
from typing import Any


def maps(value: Any) -> list[Mapping[str, Any]]:
    """Return the maps in a list; none where there is no list."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list | tuple) else []


def number(value: Any) -> int:
    """Return a whole number, 0 for anything else."""
    if isinstance(value, int | float) and abs(value) < 1 << 60:
        return int(value)
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0
