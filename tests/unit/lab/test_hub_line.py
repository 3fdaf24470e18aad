"""Rate and counters of the test hub."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.slow  # downloads with real clients

REPO = "inferfleet/tiny"
LARGE = f"/static/{REPO}/model-00001-of-00002.safetensors"
SMALL = f"/static/{REPO}/model-00002-of-00002.safetensors"


def seconds(url: str) -> float:
    began = time.monotonic()
    httpx.get(url).raise_for_status()
    return time.monotonic() - began


def test_the_rate_can_be_changed_while_the_hub_runs(root: Path, start: Callable[..., str]) -> None:
    hub = start(root, rate=400_000)
    assert httpx.get(f"{hub}/_lab/rate").json() == {"bytes_per_second": 400_000}
    assert seconds(hub + SMALL) >= 0.45
    assert httpx.post(f"{hub}/_lab/rate", json={"bytes_per_second": 200_000}).status_code == 200
    assert seconds(hub + SMALL) >= 0.9
    assert httpx.post(f"{hub}/_lab/rate", json={"bytes_per_second": None}).json() == {"bytes_per_second": None}
    assert httpx.get(f"{hub}/_lab/rate").json() == {"bytes_per_second": None}


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"bytes_per_second": 0}', b'{"bytes_per_second": "fast"}'])
def test_a_wrong_rate_is_refused(root: Path, start: Callable[..., str], body: bytes) -> None:
    hub = start(root, rate=1_000_000)
    answer = httpx.post(f"{hub}/_lab/rate", content=body)
    assert answer.status_code == 400
    assert "bytes_per_second" in answer.text
    assert httpx.get(f"{hub}/_lab/rate").json() == {"bytes_per_second": 1_000_000}


def test_connections_share_the_line_evenly(root: Path, start: Callable[..., str]) -> None:
    hub = start(root, rate=400_000)
    took: list[float] = []
    threads = [threading.Thread(target=lambda: took.append(seconds(hub + SMALL))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(took) >= 0.95 * 3 * 200_000 / 400_000
    assert httpx.get(f"{hub}/_lab/stats").json()["most_simultaneous_transfers"] == 3


def test_counts_by_path_and_client_can_be_reset(root: Path, start: Callable[..., str]) -> None:
    hub = start(root)
    httpx.get(hub + LARGE)
    httpx.get(hub + LARGE, headers={"Range": "bytes=0-99"})
    httpx.head(hub + LARGE)
    httpx.get(hub + SMALL)
    stats = httpx.get(f"{hub}/_lab/stats").json()
    paths = {LARGE: 300_100, SMALL: 200_000}
    assert stats == {
        "requests": 4,
        "bytes": 500_100,
        "most_simultaneous_transfers": 1,
        "paths": paths,
        "clients": {"127.0.0.1": {"requests": 4, "bytes": 500_100, "paths": paths}},
    }
    empty = {"requests": 0, "bytes": 0, "most_simultaneous_transfers": 0, "paths": {}, "clients": {}}
    assert httpx.post(f"{hub}/_lab/stats/reset").json() == httpx.get(f"{hub}/_lab/stats").json() == empty


def test_bytes_after_a_disconnect_are_not_counted(root: Path, start: Callable[..., str]) -> None:
    (root / REPO / "model-00001-of-00002.safetensors").write_bytes(bytes(64 * 2**20))
    hub = start(root)
    with httpx.stream("GET", hub + LARGE) as answer:
        next(answer.iter_raw())
    time.sleep(0.3)
    assert httpx.get(f"{hub}/_lab/stats").json()["bytes"] < 16 * 2**20  # what the sockets' buffers hold, no more
