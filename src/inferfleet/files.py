"""Files that are never seen half written."""

from pathlib import Path


def write_atomic(path: Path, text: str) -> None:
    """Write `text` to `path`, making its folder; what was there before stays whole until the new one is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, "utf-8")
    new.replace(path)
