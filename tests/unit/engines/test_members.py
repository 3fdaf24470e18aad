"""Members of an engine that outlived its head."""

import pytest

from inferfleet.engines import is_left_behind

HEAD = "2026-11-28T00:49:40.123456789Z"


@pytest.mark.parametrize(
    ("started", "head_started", "left_behind"),
    [
        ("2026-11-28T00:49:20.5Z", HEAD, False),  # the nodes of one deployment
        ("2026-11-28T00:48:30.5Z", HEAD, True),
        ("2026-11-28T00:55:00Z", HEAD, False),  # joined later
        ("2026-11-28T08:40:00+08:00", HEAD, True),
        ("", HEAD, False),
        ("2026-11-28T00:40:00Z", "", False),
    ],
)
def test_member_is_left_behind(started: str, head_started: str, left_behind: bool) -> None:
    assert is_left_behind(started, head_started) is left_behind
