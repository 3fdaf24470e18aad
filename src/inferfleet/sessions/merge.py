"""One sequence of lines from many sources, in the order of their times."""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One line of a log; `time` is in UTC and sorts as text. Entries of one time are in the order of their names."""

    time: str
    node: str
    source: str
    text: str


class Ordered:
    """Holds entries back for some seconds, in which those of other nodes arrive, and returns them in order."""

    def __init__(self, hold: float) -> None:
        self._hold = hold
        self._arrived: deque[tuple[float, Entry]] = deque()

    def add(self, entry: Entry, now: float) -> None:
        """Add an entry that arrived at `now`, in seconds of any clock."""
        self._arrived.append((now, entry))

    def ready(self, now: float) -> list[Entry]:
        """Return the entries that were held back long enough, and all that belong before them."""
        held = [entry for at, entry in self._arrived if now - at >= self._hold]
        if not held:
            return []
        newest = max(entry.time for entry in held)
        return self._take(newest)

    def rest(self) -> list[Entry]:
        """Return all entries that are left."""
        return self._take(None)

    def _take(self, newest: str | None) -> list[Entry]:
        taken = [entry for _, entry in self._arrived if newest is None or entry.time <= newest]
        self._arrived = deque((at, entry) for at, entry in self._arrived if newest is not None and entry.time > newest)
        # Lines of one source keep their order: their times may be equal.
        return sorted(taken, key=lambda entry: entry.time)
