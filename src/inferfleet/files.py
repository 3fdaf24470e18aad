"""Atomic file writes."""

from pathlib import Path


def write_atomic(path: Path, text: str) -> None:
    """Write `text` to `path` and create its folder; readers see either the old content or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, "utf-8")
    new.replace(path)
