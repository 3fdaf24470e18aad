"""Files of a node: the journal of events, and the state that survives a restart. A full disk stops neither."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

SIZE = 1 << 20
FILES = 4


def now() -> str:
    """Return the time in UTC, ISO 8601."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class Journal:
    """Events of a node: one JSON object a line, in FILES files of SIZE bytes."""

    def __init__(self, path: Path, node: str, replica: str) -> None:
        self.path, self.node, self.replica = path, node, replica

    def write(self, generation: int, event: str, parameters: Mapping[str, Any]) -> None:
        """Append an event; print it, too, for systemd's journal."""
        entry = {"time": now(), "node": self.node, "replica": self.replica, "generation": generation}
        line = json.dumps({**entry, "event": event, "parameters": dict(parameters)}, ensure_ascii=False)
        print(f"{event} generation={generation} {json.dumps(dict(parameters))}", flush=True)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            data = f"{line}\n".encode()
            if self.path.exists() and self.path.stat().st_size + len(data) > SIZE:
                self._rotate()
            with self.path.open("ab") as file:
                file.write(data)
        except OSError as error:
            print(f"Cannot write {self.path}: {error}", file=sys.stderr, flush=True)

    def _rotate(self) -> None:
        for number in range(FILES - 1, 0, -1):
            older = self._file(number - 1)
            if older.exists():
                older.replace(self._file(number))

    def _file(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}") if number else self.path

    def read(self, since: str = "") -> Iterator[dict[str, Any]]:
        """Yield the events from a time on, the oldest first. Incomplete lines are left out."""
        for number in range(FILES - 1, -1, -1):
            try:
                text = self._file(number).read_text("utf-8", errors="replace")
            except OSError:
                continue
            for line in text.splitlines():
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                if isinstance(event, dict) and str(event.get("time", "")) >= since:
                    yield event


class Store:
    """A JSON file, written atomically and only if its content changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written = ""

    def read(self) -> dict[str, Any]:
        """Return the content; empty if there is none, or it is not valid."""
        try:
            data = json.loads(self.path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return data if isinstance(data, dict) else {}

    def write(self, data: Mapping[str, Any]) -> None:
        """Write the content."""
        text = json.dumps(data, sort_keys=True)
        if text == self.written:
            return
        temporary = self.path.with_name(self.path.name + ".new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path)
            self.written = text
        except OSError as error:
            print(f"Cannot write {self.path}: {error}", file=sys.stderr, flush=True)
