"""What a folder of results is called, and what its name tells."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from inferfleet.results import folder_for, started_at

BEGUN = datetime(2025, 12, 31, 23, 59, 58, tzinfo=UTC)


def test_the_name_is_the_time_and_tells_it():
    folder = folder_for(Path("results"), BEGUN)
    assert folder == Path("results/20251231T235958Z")
    assert started_at(folder) == BEGUN


def test_a_folder_of_another_name():
    with pytest.raises(ValueError, match="notes"):
        started_at(Path("results/notes"))
