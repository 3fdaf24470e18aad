"""The test hub with the real modelscope client."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.slow  # downloads with real clients

pytest.importorskip("modelscope", reason="modelscope is not installed: pip install modelscope")

REPO = "inferfleet/tiny"
ID = "inferfleet-ms/tiny"
WEIGHTS = "model-00001-of-00002.safetensors"
MIB = 2**20

SNAPSHOT = """
from modelscope.hub.snapshot_download import snapshot_download
snapshot_download({id!r}, revision={revision!r}, local_dir={target!r})
"""


def run(code: str, endpoint: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run `code` in a Python of its own: the client reads its environment once, at import."""
    environment = {
        **os.environ,
        "MODELSCOPE_ENDPOINT": endpoint,
        "MODELSCOPE_CACHE": str(tmp_path / "cache"),
        "MODELSCOPE_HOME": str(tmp_path / "home"),
    }
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def download(endpoint: str, tmp_path: Path, repo: str = ID, revision: str | None = None) -> Path:
    target = tmp_path / "copy"
    done = run(SNAPSHOT.format(id=repo, revision=revision, target=str(target)), endpoint, tmp_path)
    assert done.returncode == 0, done.stderr
    return target


def listing(endpoint: str, tmp_path: Path) -> dict[str, dict[str, Any]]:
    code = (
        "import json\nfrom modelscope_hub import HubApi\n"
        f"files = HubApi().list_repo_files({ID!r}, 'model')\n"
        "print(json.dumps([[file.path, file.type, file.size, file.sha256] for file in files]))"
    )
    done = run(code, endpoint, tmp_path)
    assert done.returncode == 0, done.stderr
    return {path: {"type": kind, "size": size, "sha256": sha} for path, kind, size, sha in json.loads(done.stdout)}


def head_commit(endpoint: str) -> str:
    data = httpx.get(f"{endpoint}/api/v1/models/{ID}/repo/files").json()["Data"]
    return next(f["Revision"] for f in data["Files"] if f["Revision"].startswith(data["LatestCommitter"]["ShortId"]))


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def sent(endpoint: str, part: str) -> int:
    paths = httpx.get(f"{endpoint}/_lab/stats").json()["paths"]
    return sum(size for path, size in paths.items() if part in path)


@pytest.fixture
def hub(root: Path, start: Callable[..., str]) -> str:
    return start(root, modelscope_ids={REPO: ID})


@pytest.mark.parametrize("revision", [None, "master"])
def test_snapshot_download_is_complete(hub: str, root: Path, tmp_path: Path, revision: str | None) -> None:
    assert files(download(hub, tmp_path, revision=revision)) == files(root / REPO)
    assert sent(hub, WEIGHTS) == 300_000
    assert sent(hub, "/cdn/") == 0


def test_commit_differs_from_hugging_face(hub: str, root: Path, tmp_path: Path) -> None:
    commit = head_commit(hub)
    assert commit != httpx.get(f"{hub}/api/models/{REPO}").json()["sha"]
    assert files(download(hub, tmp_path, revision=commit)) == files(root / REPO)


def test_one_file(hub: str, root: Path, tmp_path: Path) -> None:
    for path in (WEIGHTS, "sub/deep/说明 notes.txt"):
        code = (
            "from modelscope.hub.file_download import model_file_download\n"
            f"print(model_file_download({ID!r}, {path!r}, local_dir={str(tmp_path / 'copy')!r}))"
        )
        done = run(code, hub, tmp_path)
        assert done.stdout.strip() == str(tmp_path / "copy" / path), done.stderr
        assert (tmp_path / "copy" / path).read_bytes() == (root / REPO / path).read_bytes()


def test_listing_contains_sizes_and_hashes(hub: str, root: Path, tmp_path: Path) -> None:
    listed = listing(hub, tmp_path)
    assert [path for path, file in listed.items() if file["type"] == "tree"] == ["sub", "sub/deep"]
    assert {path: (file["size"], file["sha256"]) for path, file in listed.items() if file["type"] == "blob"} == {
        path: (len(content), hashlib.sha256(content).hexdigest()) for path, content in files(root / REPO).items()
    }


def test_the_listing_of_a_folder(hub: str) -> None:
    def paths(**query: str) -> list[str]:
        answer = httpx.get(f"{hub}/api/v1/models/{ID}/repo/files", params=query).json()
        return [file["Path"] for file in answer["Data"]["Files"]]

    assert paths(Root="sub") == ["sub/deep"]
    assert paths(Root="sub", Recursive="True") == ["sub/deep", "sub/deep/说明 notes.txt"]


def test_an_unknown_revision_has_no_files_and_is_no_error(hub: str, tmp_path: Path) -> None:
    assert files(download(hub, tmp_path, revision="main")) == {}
    answer = httpx.get(f"{hub}/api/v1/models/{ID}/repo", params={"Revision": "main", "FilePath": WEIGHTS})
    assert (answer.status_code, answer.json()["Success"]) == (404, False)


@pytest.mark.parametrize("repo", [REPO, "inferfleet/none"])
def test_only_the_modelscope_id_is_known(hub: str, tmp_path: Path, repo: str) -> None:
    done = run(SNAPSHOT.format(id=repo, revision=None, target=str(tmp_path / "copy")), hub, tmp_path)
    assert done.returncode != 0
    assert "record not found" in done.stderr


def test_without_a_map_the_ids_are_the_same(root: Path, start: Callable[..., str], tmp_path: Path) -> None:
    assert files(download(start(root), tmp_path, REPO)) == files(root / REPO)


def test_cut_download_resumes(hub: str, root: Path, tmp_path: Path) -> None:
    content = os.urandom(4 * MIB)
    (root / REPO / WEIGHTS).write_bytes(content)
    rule = {"path": f"/oss/.*{WEIGHTS}", "fault": "cut", "after": 3 * MIB, "times": 1}
    httpx.post(f"{hub}/_lab/faults", json=[rule]).raise_for_status()
    assert (download(hub, tmp_path) / WEIGHTS).read_bytes() == content
    assert sent(hub, WEIGHTS) == 4 * MIB


def test_corruption_is_detected(hub: str, root: Path, tmp_path: Path) -> None:
    rule = {"path": f"/oss/.*{WEIGHTS}", "fault": "corrupt", "at": 299_999, "times": 1}
    httpx.post(f"{hub}/_lab/faults", json=[rule]).raise_for_status()
    assert files(download(hub, tmp_path)) == files(root / REPO)
    assert sent(hub, WEIGHTS) == 2 * 300_000


def test_corruption_is_not_detected_without_hashes(hub: str, root: Path, tmp_path: Path) -> None:
    rules = [
        {"path": "/api/v1/models/", "fault": "no_hashes"},
        {"path": f"FilePath={WEIGHTS}", "fault": "corrupt", "at": 0, "times": 1},
    ]
    httpx.post(f"{hub}/_lab/faults", json=rules).raise_for_status()
    assert {file["sha256"] for file in listing(hub, tmp_path).values()} == {None}
    wanted, got = (root / REPO / WEIGHTS).read_bytes(), (download(hub, tmp_path) / WEIGHTS).read_bytes()
    assert got == bytes([wanted[0] ^ 0xFF]) + wanted[1:]
