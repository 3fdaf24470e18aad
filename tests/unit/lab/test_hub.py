"""The test hub with the real huggingface_hub client."""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import (
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile, RepoFolder
from lab.hub.app import create_app

pytestmark = pytest.mark.slow  # downloads with real clients

REPO = "inferfleet/tiny"
WEIGHTS = "model-00001-of-00002.safetensors"
MIB = 2**20


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def download(endpoint: str, target: Path, **options: Any) -> Path:
    return Path(snapshot_download(REPO, local_dir=target, endpoint=endpoint, **options))


def stats(endpoint: str) -> dict[str, Any]:
    return dict(httpx.get(f"{endpoint}/_lab/stats").json())


def files(folder: Path) -> dict[str, bytes]:
    found = (file for file in folder.rglob("*") if file.is_file())
    content = {file.relative_to(folder).as_posix(): file.read_bytes() for file in found}
    return {path: data for path, data in content.items() if not path.startswith(".cache/")}


def test_snapshot_download_is_complete(root: Path, start: Callable[..., str], tmp_path: Path) -> None:
    assert files(download(start(root), tmp_path / "copy")) == files(root / REPO)


def test_hf_endpoint_is_enough_and_modelscope_is_not_needed(
    root: Path, start: Callable[..., str], tmp_path: Path
) -> None:
    code = (
        "import sys; sys.modules['modelscope'] = None\n"
        "from huggingface_hub import snapshot_download\n"
        f"snapshot_download({REPO!r}, local_dir={str(tmp_path / 'copy')!r})"
    )
    environment = {**os.environ, "HF_ENDPOINT": start(root), "HF_HOME": str(tmp_path / "home")}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)
    assert files(tmp_path / "copy") == files(root / REPO)


def test_model_info_contains_sizes_and_hashes(root: Path, start: Callable[..., str]) -> None:
    info = HfApi(endpoint=start(root)).model_info(REPO, files_metadata=True)
    siblings = {sibling.rfilename: sibling for sibling in info.siblings or []}
    content = files(root / REPO)
    assert {path: sibling.size for path, sibling in siblings.items()} == {p: len(c) for p, c in content.items()}
    for path, sibling in siblings.items():
        if path.endswith(".safetensors"):
            assert sibling.lfs is not None
            assert (sibling.lfs.sha256, sibling.lfs.size) == (sha256(content[path]), len(content[path]))
        else:
            git = subprocess.run(
                ["git", "hash-object", "--stdin"], input=content[path], capture_output=True, check=True
            )
            assert (sibling.lfs, sibling.blob_id) == (None, git.stdout.decode().strip())


def test_model_info_without_blobs_contains_names_only(root: Path, start: Callable[..., str]) -> None:
    siblings = HfApi(endpoint=start(root)).model_info(REPO, revision="main").siblings or []
    assert {(sibling.size, sibling.lfs) for sibling in siblings} == {(None, None)}


def test_the_commit_follows_the_content(root: Path, start: Callable[..., str]) -> None:
    api = HfApi(endpoint=start(root))
    before = api.model_info(REPO).sha
    os.utime(root / REPO / "config.json", (1, 1))
    assert api.model_info(REPO).sha == before
    (root / REPO / "config.json").write_text("{}")
    after = api.model_info(REPO)
    assert after.sha is not None
    assert after.sha != before
    assert api.model_info(REPO, revision=after.sha).sha == after.sha
    with pytest.raises(RevisionNotFoundError):
        api.model_info(REPO, revision=before)


@pytest.mark.parametrize("page_size", [1, 2, 1000])
def test_tree_is_paginated(root: Path, start: Callable[..., str], page_size: int) -> None:
    api = HfApi(endpoint=start(root, page_size=page_size))
    nodes = list(api.list_repo_tree(REPO, recursive=True))
    assert {node.path: node.size for node in nodes if isinstance(node, RepoFile)} == {
        path: len(content) for path, content in files(root / REPO).items()
    }
    assert {node.path for node in nodes if isinstance(node, RepoFolder)} == {"sub", "sub/deep"}
    assert [node.path for node in api.list_repo_tree(REPO, "sub")] == ["sub/deep"]
    with pytest.raises(RemoteEntryNotFoundError):
        list(api.list_repo_tree(REPO, "missing"))


def test_paths_info(root: Path, start: Callable[..., str]) -> None:
    found = HfApi(endpoint=start(root)).get_paths_info(REPO, ["config.json", WEIGHTS, "sub", "missing"])
    assert [node.path for node in found] == ["config.json", WEIGHTS, "sub"]
    assert isinstance(found[1], RepoFile)
    assert found[1].lfs is not None
    assert found[1].lfs.sha256 == sha256((root / REPO / WEIGHTS).read_bytes())


def test_missing_items_are_reported(root: Path, start: Callable[..., str], tmp_path: Path) -> None:
    endpoint = start(root)
    api = HfApi(endpoint=endpoint)
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("inferfleet/none")
    with pytest.raises(RevisionNotFoundError):
        api.model_info(REPO, revision="v9")
    with pytest.raises(RemoteEntryNotFoundError):
        api.hf_hub_download(REPO, "none.bin", local_dir=tmp_path / "copy")
    assert httpx.get(f"{endpoint}/{REPO}/resolve/main/none.bin").headers["X-Error-Code"] == "EntryNotFound"


def test_head_of_an_lfs_file_points_to_the_cdn(root: Path, start: Callable[..., str]) -> None:
    endpoint, content = start(root), (root / REPO / WEIGHTS).read_bytes()
    answer = httpx.head(f"{endpoint}/{REPO}/resolve/main/{WEIGHTS}")
    assert answer.status_code == 302
    assert answer.headers["X-Linked-Etag"] == f'"{sha256(content)}"'
    assert answer.headers["X-Linked-Size"] == str(len(content))
    assert answer.headers["X-Repo-Commit"] == HfApi(endpoint=endpoint).model_info(REPO).sha
    assert answer.headers["Location"].startswith(f"{endpoint}/cdn/")
    assert httpx.get(answer.headers["Location"]).content == content


def test_ranges(root: Path, start: Callable[..., str]) -> None:
    content = (root / REPO / WEIGHTS).read_bytes()
    with httpx.Client(base_url=start(root), follow_redirects=True) as http:
        url = f"/{REPO}/resolve/main/{WEIGHTS}"
        part = http.get(url, headers={"Range": "bytes=1000-1999"})
        assert (part.status_code, part.content) == (206, content[1000:2000])
        assert part.headers["Content-Range"] == f"bytes 1000-1999/{len(content)}"
        same = {"Range": "bytes=299000-", "If-Range": f'"{sha256(content)}"'}
        assert http.get(url, headers=same).content == content[299000:]
        changed = http.get(url, headers=same | {"If-Range": '"other"'})
        assert (changed.status_code, changed.content) == (200, content)
        beyond = http.get(url, headers={"Range": "bytes=300000-"})
        assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, "bytes */300000")


def test_cut_download_resumes(root: Path, start: Callable[..., str], tmp_path: Path) -> None:
    # The client keeps what it has in pieces of 10 MiB, so only a larger file shows that it resumes.
    content = os.urandom(24 * MIB)
    (root / REPO / WEIGHTS).write_bytes(content)
    endpoint = start(root, fail_after=15 * MIB)
    copy = download(endpoint, tmp_path / "copy")
    assert (copy / WEIGHTS).read_bytes() == content
    sent = {
        path: size for path, size in next(iter(stats(endpoint)["clients"].values()))["paths"].items() if WEIGHTS in path
    }
    assert max(sent.values()) == 15 * MIB + 14 * MIB


def test_a_corrupt_file_keeps_its_announced_hash(root: Path, start: Callable[..., str], tmp_path: Path) -> None:
    endpoint = start(root, corrupt=[f"{REPO}/{WEIGHTS}"])
    copy = download(endpoint, tmp_path / "copy")
    wanted, got = (root / REPO / WEIGHTS).read_bytes(), (copy / WEIGHTS).read_bytes()
    assert [i for i in range(len(wanted)) if wanted[i] != got[i]] == [len(wanted) // 2]
    assert HfApi(endpoint=endpoint).get_paths_info(REPO, WEIGHTS)[0].lfs.sha256 == sha256(wanted)  # type: ignore[union-attr]
    with pytest.raises(FileNotFoundError):
        create_app(root, corrupt=[f"{REPO}/none"])


def test_rate_is_shared_by_all_connections(root: Path, start: Callable[..., str], tmp_path: Path) -> None:
    endpoint = start(root, rate=500_000)
    began = time.monotonic()
    download(endpoint, tmp_path / "copy")
    assert time.monotonic() - began >= 0.95 * sum(map(len, files(root / REPO).values())) / 500_000


def test_stats_count_what_was_sent(root: Path, start: Callable[..., str], tmp_path: Path) -> None:
    endpoint = start(root)
    assert stats(endpoint)["bytes"] == 0
    download(endpoint, tmp_path / "copy")
    counted = stats(endpoint)
    weights = {
        path: size for path, size in counted["clients"]["127.0.0.1"]["paths"].items() if path.startswith("/cdn/")
    }
    assert sorted(weights.values()) == [200_000, 300_000]
    assert counted["bytes"] == counted["clients"]["127.0.0.1"]["bytes"] >= 500_000


@pytest.mark.parametrize(
    "path",
    [
        f"/{REPO}/resolve/main/../../secret.txt",
        f"/{REPO}/resolve/main/..%2f..%2fsecret.txt",
        f"/{REPO}/resolve/main/%2e%2e/%2e%2e/secret.txt",
        f"/{REPO}/resolve/main//etc/passwd",
        "/../root/resolve/main/secret.txt",
        "/..%2f../root/resolve/main/secret.txt",
        "/inferfleet/../resolve/main/secret.txt",
        f"/cdn/{REPO}/{'0' * 64}/..%2f..%2fsecret.txt",
        f"/{REPO}/resolve/main/link-out.txt",
        f"/{REPO}/resolve/main/.git/config",
    ],
)
def test_path_traversal_is_rejected(root: Path, start: Callable[..., str], path: str) -> None:
    (root / REPO / "link-out.txt").symlink_to(root / "secret.txt")
    (root / REPO / ".git").mkdir()
    (root / REPO / ".git" / "config").write_text("secret")
    host = start(root).removeprefix("http://")
    # A raw request: every HTTP client would normalize the path first.
    with httpx.Client() as http:
        request = http.build_request("GET", f"http://{host}/")
        request.url = request.url.copy_with(raw_path=path.encode())
        assert http.send(request, follow_redirects=True).status_code == 404


def test_an_empty_repository_is_served(root: Path, start: Callable[..., str]) -> None:
    (root / "inferfleet" / "empty").mkdir()
    assert HfApi(endpoint=start(root)).model_info("inferfleet/empty", files_metadata=True).siblings == []


def test_the_command_refuses_a_missing_root(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "lab.hub", "--root", str(tmp_path / "none")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert f"--root {tmp_path / 'none'} is not a folder" in done.stderr


@pytest.mark.parametrize("pair", ["inferfleet/tiny", "inferfleet/tiny=", "inferfleet/tiny=../tiny", "tiny=a/b"])
def test_the_command_refuses_a_wrong_id(root: Path, pair: str) -> None:
    argv = [sys.executable, "-m", "lab.hub", "--root", str(root), "--modelscope-id", pair]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert f"{pair} is not owner/name=owner/name" in done.stderr
