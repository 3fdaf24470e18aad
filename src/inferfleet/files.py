"""Atomic file writes."""

import os
from pathlib import Path


def write_atomic(path: Path, text: str, mode: int = 0o666) -> None:
    """Write `text` to `path` and create its folder; readers see either the old content or the new.

    The file has `mode`, less the umask, from its creation on.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as stream:
        stream.write(text)
    new.replace(path)
