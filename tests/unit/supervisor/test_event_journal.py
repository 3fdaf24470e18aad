"""The journal of events on disk, filled far beyond its limit."""

import contextlib
import io

from inferfleet_supervisor.journal import FILES, SIZE, Journal

EVENTS = 900
REASON = "副本" * 2000  # 12,000 bytes in UTF-8, 4,000 characters


def test_journal_stays_within_its_limit_and_keeps_the_newest_events(tmp_path):
    journal = Journal(tmp_path / "events.jsonl", "n1", "r1")
    with contextlib.redirect_stdout(io.StringIO()):
        for number in range(EVENTS):
            journal.write(number, "failure", {"reason": REASON})
    files = list(tmp_path.iterdir())
    assert len(files) == FILES
    assert EVENTS * len(REASON.encode()) > 2 * FILES * SIZE
    assert all(file.stat().st_size <= SIZE for file in files)
    kept = [event["generation"] for event in journal.read()]
    assert kept == list(range(kept[0], EVENTS))
    assert len(kept) * len(REASON.encode()) > 3 / 4 * FILES * SIZE - 2 * len(REASON.encode())
