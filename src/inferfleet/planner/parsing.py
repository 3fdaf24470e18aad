"""Parse facts, which may come from an edited file and so have any type."""

from collections.abc import Mapping
from typing import Any


def maps(value: Any) -> list[Mapping[str, Any]]:
    """Return the mappings in a list; an empty list for any other value."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list | tuple) else []


def number(value: Any) -> int:
    """Return an integer, 0 for any other value."""
    if isinstance(value, int | float) and abs(value) < 1 << 60:
        return int(value)
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0
