"""The static mirror and the other protocols of the test hub with the real aria2c."""

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.slow  # downloads with real clients

if not shutil.which("aria2c"):
    pytest.skip("aria2c is not installed: apt-get install aria2", allow_module_level=True)

REPO = "inferfleet/tiny"
WEIGHTS = "model-00001-of-00002.safetensors"
MIB = 2**20
CHECKSUM_ERROR = 32  # aria2c's exit status


@pytest.fixture
def content(root: Path) -> bytes:
    """A file so large that aria2c opens several connections."""
    content = os.urandom(8 * MIB)
    (root / REPO / WEIGHTS).write_bytes(content)
    return content


def argv(url: str, folder: Path, *options: str) -> list[str]:
    always = ["--no-conf", "--quiet", "--continue=true", "--max-tries=5", "--retry-wait=1", "--min-split-size=1M"]
    return ["aria2c", *always, *options, f"--dir={folder}", "--out=copy", url]


def aria2c(url: str, folder: Path, *options: str) -> int:
    return subprocess.run(argv(url, folder, *options), timeout=60, check=False).returncode


def set_rules(endpoint: str, *rules: dict[str, object]) -> None:
    httpx.post(f"{endpoint}/_lab/faults", json=rules).raise_for_status()


@pytest.mark.parametrize("side", [f"static/{REPO}", f"{REPO}/resolve/main", f"models/{REPO}/resolve/master"])
def test_file_download_over_several_connections_is_complete(
    root: Path, start: Callable[..., str], tmp_path: Path, content: bytes, side: str
) -> None:
    endpoint = start(root, rate=10 * MIB)
    assert aria2c(f"{endpoint}/{side}/{WEIGHTS}", tmp_path, "-x4", "-s4") == 0
    assert (tmp_path / "copy").read_bytes() == content
    stats = httpx.get(f"{endpoint}/_lab/stats").json()
    assert 8 * MIB <= stats["bytes"] < 10 * MIB  # aria2c may abort a response to request another part
    assert 2 <= stats["most_simultaneous_transfers"] <= 5


def test_cut_download_resumes(root: Path, start: Callable[..., str], tmp_path: Path, content: bytes) -> None:
    endpoint = start(root)
    set_rules(endpoint, {"path": "/static/", "fault": "cut", "after": 5 * MIB, "times": 1})
    assert aria2c(f"{endpoint}/static/{REPO}/{WEIGHTS}", tmp_path, "-x1") == 0
    assert (tmp_path / "copy").read_bytes() == content
    assert httpx.get(f"{endpoint}/_lab/stats").json()["bytes"] == 8 * MIB


def test_killed_download_resumes(root: Path, start: Callable[..., str], tmp_path: Path, content: bytes) -> None:
    endpoint = start(root, rate=4 * MIB)
    set_rules(endpoint, {"path": "/static/", "fault": "stall", "after": 5 * MIB})
    url = f"{endpoint}/static/{REPO}/{WEIGHTS}"
    with subprocess.Popen(argv(url, tmp_path, "-x1", "--auto-save-interval=1")) as first:
        control = tmp_path / "copy.aria2"
        while not (control.exists() and time.time() - control.stat().st_mtime > 1.5):
            assert first.poll() is None
            time.sleep(0.1)
        first.kill()
    httpx.delete(f"{endpoint}/_lab/faults").raise_for_status()
    httpx.post(f"{endpoint}/_lab/stats/reset").raise_for_status()
    assert aria2c(url, tmp_path, "-x1") == 0
    assert (tmp_path / "copy").read_bytes() == content
    # aria2c first requests the complete file to detect Range support, and disconnects immediately.
    assert httpx.get(f"{endpoint}/_lab/stats").json()["bytes"] < len(content)


def test_corruption_is_detected_with_a_hash(
    root: Path, start: Callable[..., str], tmp_path: Path, content: bytes
) -> None:
    endpoint = start(root)
    checksum = f"--checksum=sha-256={hashlib.sha256(content).hexdigest()}"
    set_rules(endpoint, {"path": "/static/", "fault": "corrupt", "at": 7 * MIB})
    assert aria2c(f"{endpoint}/static/{REPO}/{WEIGHTS}", tmp_path, checksum) == CHECKSUM_ERROR


def test_mirror_has_no_hashes_and_no_listing(root: Path, start: Callable[..., str]) -> None:
    endpoint, wanted = start(root), (root / REPO / WEIGHTS).read_bytes()
    url = f"{endpoint}/static/{REPO}/{WEIGHTS}"
    complete = httpx.get(url)
    assert complete.content == wanted
    assert not [value for value in complete.headers.values() if hashlib.sha256(wanted).hexdigest() in value]
    part = httpx.get(url, headers={"Range": "bytes=10-19", "If-Range": complete.headers["ETag"]})
    assert (part.status_code, part.content) == (206, wanted[10:20])
    for path in ("", f"/{REPO}", f"/{REPO}/", f"/{REPO}/sub", f"/{REPO}/none", "/inferfleet/none/config.json"):
        assert httpx.get(f"{endpoint}/static{path}").status_code == 404
