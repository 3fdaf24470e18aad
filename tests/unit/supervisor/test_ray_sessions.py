"""Removal of Ray's old session folders."""

import asyncio
import os
from pathlib import Path

import pytest
from inferfleet_supervisor.docker_api import DockerUnavailableError
from inferfleet_supervisor.member import Seen
from inferfleet_supervisor.sessions import KEPT, Sessions, clean, outdated, remove_outdated, seconds_of

STARTED = "2026-11-28T14:27:05.123456789Z"
OLD = [f"session_2026-11-{day:02d}_10-00-00_000000_1" for day in range(1, 11)]
PRESENT = "session_2026-11-28_14-27-06_576584_1449"


def sessions_in(folder: Path, present: str = PRESENT, seconds: float = 1) -> Path:
    """Create session folders as Ray does, the link so many seconds after the start of its container."""
    ray = folder / "ray"
    for name in (*OLD, PRESENT):
        (ray / name / "logs").mkdir(parents=True)
        (ray / name / "logs" / "raylet.out").write_text("log")
    (ray / "ray_current_cluster").write_text("10.0.0.1:6379")
    (ray / "session_latest").symlink_to(f"/tmp/ray/{present}")
    moment = seconds_of(STARTED) + seconds
    os.utime(ray / "session_latest", (moment, moment), follow_symlinks=False)
    return ray


class Volume:
    """A Docker daemon with one volume."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    async def folder_of(self, volume: str) -> str:
        if self.folder is None:
            raise DockerUnavailableError("no answer")
        return str(self.folder) if volume == "tmp" else ""


def due(sessions: Sessions, seen: Seen | None) -> list[tuple[Path, str]]:
    return asyncio.run(sessions.due({"ray": seen}))


def test_the_last_sessions_before_the_present_one_are_kept(tmp_path: Path) -> None:
    ray = sessions_in(tmp_path)
    assert remove_outdated(ray, PRESENT) == OLD[:-KEPT]
    assert sorted(entry.name for entry in ray.iterdir()) == [
        "ray_current_cluster",
        *OLD[-KEPT:],
        PRESENT,
        "session_latest",
    ]


def test_present_session_is_kept_also_after_the_clock_was_set_forward(tmp_path: Path) -> None:
    ray = sessions_in(tmp_path, present=OLD[0])
    removed = remove_outdated(ray, OLD[0])
    assert OLD[0] not in removed
    assert len(removed) == len(OLD) - KEPT


@pytest.mark.parametrize("names", [[], ["session_latest"], OLD[:KEPT], ["prom_metrics_service_discovery.json"]])
def test_nothing_is_outdated(names: list[str]) -> None:
    assert outdated(names, PRESENT) == []


def test_sessions_are_due_once_for_each_start(tmp_path: Path) -> None:
    ray = sessions_in(tmp_path)
    sessions = Sessions(Volume(tmp_path), {"ray": "tmp"})
    running = Seen("1", True, STARTED)
    assert due(sessions, running) == [(ray, PRESENT)]
    assert due(sessions, running) == []
    assert due(sessions, Seen("1", True, "2026-11-28T14:27:05.9Z")) == [(ray, PRESENT)]


def test_ray_that_has_not_created_its_session_yet_is_waited_for(tmp_path: Path) -> None:
    sessions_in(tmp_path, seconds=-30)  # the link is that of the start before
    sessions = Sessions(Volume(tmp_path), {"ray": "tmp"})
    assert due(sessions, Seen("1", True, STARTED)) == []
    moment = seconds_of(STARTED) + 2
    os.utime(tmp_path / "ray" / "session_latest", (moment, moment), follow_symlinks=False)
    assert due(sessions, Seen("1", True, STARTED)) != []


@pytest.mark.parametrize(
    ("seen", "answers", "volumes"),
    [
        (None, True, {"ray": "tmp"}),
        (Seen("1", False, STARTED), True, {"ray": "tmp"}),
        (Seen("1", True, STARTED), False, {"ray": "tmp"}),
        (Seen("1", True, STARTED), True, {"ray": "other"}),
        (Seen("1", True, STARTED), True, {}),
    ],
    ids=["no container", "stopped", "Docker does not answer", "no volume", "no sessions"],
)
def test_nothing_is_due(tmp_path: Path, seen: Seen | None, answers: bool, volumes: dict[str, str]) -> None:
    sessions_in(tmp_path)
    assert due(Sessions(Volume(tmp_path if answers else None), volumes), seen) == []


def test_folder_that_cannot_be_read_ends_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(clean(tmp_path / "missing", PRESENT))
    assert "Cannot remove old sessions" in capsys.readouterr().out
