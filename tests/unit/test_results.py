"""Names of result folders."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from inferfleet.results import folder_for, started_at

STARTED = datetime(2025, 12, 31, 23, 59, 58, tzinfo=UTC)


def test_folder_name_encodes_the_start_time():
    folder = folder_for(Path("results"), STARTED)
    assert folder == Path("results/20251231T235958Z")
    assert started_at(folder) == STARTED


def test_name_that_is_no_time():
    with pytest.raises(ValueError, match="notes"):
        started_at(Path("results/notes"))
