"""The weights' way from a real hub (lab/hub) with the real huggingface_hub, and what can go wrong on it."""

import hashlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[3]
REPO = "inferfleet/tiny"
SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
FILES = ["config.json", *SHARDS, "sub/notes.txt"]
SHARD = 2_000_000  # bytes
TOTAL = 2 * SHARD + len('{"a": 1}') + len("说明".encode())


@pytest.fixture(scope="module")
def snapshot(load):
    return load("model_snapshot")


@pytest.fixture(scope="module")
def hub_root(tmp_path_factory):
    root = tmp_path_factory.mktemp("hub")
    folder = root / REPO
    (folder / "sub").mkdir(parents=True)
    for shard in SHARDS:
        (folder / shard).write_bytes(os.urandom(SHARD))
    (folder / "config.json").write_text('{"a": 1}')
    (folder / "sub" / "notes.txt").write_text("说明")
    return root


class Hub:
    """One hub in a process of its own."""

    def __init__(self, root, *options):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        argv = [sys.executable, "-m", "lab.hub", "--root", root, "--port", str(port), *options]
        self.process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            assert self.process.poll() is None
            try:
                self.stats()
                return
            except OSError:
                time.sleep(0.05)
        raise TimeoutError(self.url)

    def stats(self):
        with urllib.request.urlopen(f"{self.url}/_lab/stats", timeout=5) as answer:
            return json.load(answer)

    def sent_of_shards(self):
        clients = self.stats()["clients"].values()
        return sum(n for client in clients for path, n in client["paths"].items() if path.endswith(".safetensors"))

    def end(self):
        self.process.terminate()
        self.process.wait()


@pytest.fixture
def start_hub(hub_root):
    hubs = []

    def start(*options, root=hub_root):
        hubs.append(Hub(root, *options))
        return hubs[-1]

    yield start
    for hub in hubs:
        hub.end()


@pytest.fixture(scope="module")
def good_hub(hub_root):
    hub = Hub(hub_root)
    yield hub
    hub.end()


@pytest.fixture(scope="module")
def server():
    """A process that has imported the module already, which saves most of each run's time."""
    argv = [sys.executable, Path(__file__).parent / "fork_server.py", ROOT / "plugins/modules/model_snapshot.py"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.stdin.close()


@pytest.fixture
def bring(server, tmp_path):
    """Run model_snapshot into tmp_path/there."""

    def bring_(url, check_mode=False, **params):
        own = {"_ansible_check_mode": check_mode, "_ansible_remote_tmp": str(tmp_path)}
        given = {"repository": REPO, "endpoint": url, "path": str(tmp_path / "there"), **params, **own}
        server.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": given}) + "\n")
        server.stdin.flush()
        result = json.loads(next(line for line in server.stdout if line.strip()))
        assert "crashed" not in result, result
        return result

    return bring_


@pytest.fixture
def there(tmp_path):
    return tmp_path / "there"


def assert_same(there, hub_root):
    for name in FILES:
        assert (there / name).read_bytes() == (hub_root / REPO / name).read_bytes(), name


# --- The parts -----------------------------------------------------------------------------------------


def test_wanted_files(snapshot):
    lfs = SimpleNamespace(sha256="5a")
    siblings = [
        SimpleNamespace(rfilename="a.safetensors", size=5, lfs=lfs, blob_id="b1"),
        SimpleNamespace(rfilename="b.json", size=2, lfs=None, blob_id="b2"),
        SimpleNamespace(rfilename="../../etc/passwd", size=2, lfs=None, blob_id="b3"),
        SimpleNamespace(rfilename="/etc/passwd", size=2, lfs=None, blob_id="b4"),
    ]
    assert snapshot.wanted_files(SimpleNamespace(siblings=siblings)) == {
        "a.safetensors": {"size": 5, "algorithm": "sha256", "hash": "5a"},
        "b.json": {"size": 2, "algorithm": "git", "hash": "b2"},
    }


@pytest.mark.parametrize("content", [b"", b"abc", os.urandom(100_000)])
def test_file_hash_is_sha256_and_gits(snapshot, tmp_path, content):
    (tmp_path / "f").write_bytes(content)
    git = subprocess.run(["git", "hash-object", tmp_path / "f"], capture_output=True, text=True, check=True)
    assert snapshot.file_hash(str(tmp_path / "f"), "git") == git.stdout.strip()
    assert snapshot.file_hash(str(tmp_path / "f"), "sha256") == hashlib.sha256(content).hexdigest()


@pytest.fixture
def abc(tmp_path):
    (tmp_path / "f").write_bytes(b"abc")
    return {"size": 3, "algorithm": "sha256", "hash": hashlib.sha256(b"abc").hexdigest()}


def test_verified_hashes_what_the_manifest_lacks(snapshot, tmp_path, abc):
    mtime = (tmp_path / "f").stat().st_mtime_ns
    assert snapshot.verified(str(tmp_path), "f", abc, {}) == {**abc, "mtime_ns": mtime}
    assert snapshot.verified(str(tmp_path), "f", abc, {}, hashing=False) is None
    assert snapshot.verified(str(tmp_path), "f", abc, {**abc, "mtime_ns": mtime}, hashing=False) is not None


@pytest.mark.parametrize("content", [None, b"ab", b"abd"])
def test_verified_refuses_another_file(snapshot, tmp_path, abc, content):
    known = snapshot.verified(str(tmp_path), "f", abc, {})
    (tmp_path / "f").unlink()
    if content is not None:
        (tmp_path / "f").write_bytes(content)
        os.utime(tmp_path / "f", ns=(0, known["mtime_ns"] + 1))
    assert snapshot.verified(str(tmp_path), "f", abc, known) is None


def test_survey_reads_its_manifest(snapshot, tmp_path, abc):
    wanted = {"f": abc, "g": abc}
    entries, missing = snapshot.survey(str(tmp_path), wanted)
    assert (list(entries), missing) == (["f"], ["g"])
    (tmp_path / snapshot.MANIFEST).write_text(json.dumps({"files": entries}))
    assert snapshot.survey(str(tmp_path), wanted, hashing=False) == (entries, ["g"])


@pytest.mark.parametrize("manifest", ["", "{", '{"files": {}}', None])
def test_survey_does_without_a_manifest(snapshot, tmp_path, abc, manifest):
    if manifest is not None:
        (tmp_path / snapshot.MANIFEST).write_text(manifest)
    assert snapshot.survey(str(tmp_path), {"f": abc})[1] == []


def test_on_disk_counts_finished_and_unfinished_files(snapshot, tmp_path, abc):
    (tmp_path / snapshot.PARTIAL).mkdir()
    Path(snapshot.partial_path(str(tmp_path), "g", abc)).write_bytes(b"12")
    (tmp_path / snapshot.PARTIAL / "another").write_bytes(b"not counted")
    (tmp_path / "stray").write_bytes(b"not counted")
    assert snapshot.on_disk(str(tmp_path), {"f": abc, "g": abc}) == 5


# --- The whole -----------------------------------------------------------------------------------------


def test_download_verify_and_again(bring, good_hub, hub_root, there, snapshot):
    before = bring(good_hub.url, check_mode=True)
    assert (before["changed"], sorted(before["missing"]), before["bytes_missing"]) == (True, sorted(FILES), TOTAL)
    assert not there.exists()
    first = bring(good_hub.url)
    assert (first["changed"], sorted(first["missing"]), first["bytes_missing"]) == (True, sorted(FILES), TOTAL)
    assert_same(there, hub_root)
    manifest = json.loads((there / snapshot.MANIFEST).read_text())
    assert (manifest["commit"], manifest["complete"], sorted(manifest["files"])) == (
        first["commit"],
        True,
        sorted(FILES),
    )
    progress = json.loads((there / snapshot.PROGRESS).read_text())
    assert progress["total"] == TOTAL
    sent = good_hub.sent_of_shards()
    for check_mode in (True, False):
        again = bring(good_hub.url, check_mode=check_mode)
        assert (again["changed"], again["missing"], again["bytes_missing"]) == (False, [], 0)
    assert good_hub.sent_of_shards() == sent


def test_a_corrupted_file_is_found_and_replaced(bring, good_hub, hub_root, there):
    bring(good_hub.url)
    content = bytearray((there / SHARDS[0]).read_bytes())
    content[1000] ^= 1
    (there / SHARDS[0]).write_bytes(content)
    (there / "config.json").unlink()
    wrong = sorted(["config.json", SHARDS[0]])
    assert sorted(bring(good_hub.url, check_mode=True)["missing"]) == wrong
    sent = good_hub.sent_of_shards()
    assert sorted(bring(good_hub.url)["missing"]) == wrong
    assert good_hub.sent_of_shards() - sent == SHARD
    assert_same(there, hub_root)


def test_weights_that_were_brought_by_hand_are_verified_once_and_not_downloaded(bring, good_hub, hub_root, there):
    for name in FILES:
        (there / name).parent.mkdir(parents=True, exist_ok=True)
        (there / name).write_bytes((hub_root / REPO / name).read_bytes())
    sent = good_hub.sent_of_shards()
    assert bring(good_hub.url)["changed"] is True
    assert bring(good_hub.url, check_mode=True)["changed"] is False
    assert good_hub.sent_of_shards() == sent


def test_without_its_hub_what_is_complete_is_good_enough(bring, start_hub, there):
    hub = start_hub()
    commit = bring(hub.url)["commit"]
    hub.end()
    result = bring(hub.url)
    assert (result["changed"], result["commit"], result["missing"]) == (False, commit, [])
    warning = (
        result["warnings"][0]["event"]["msg"] if isinstance(result["warnings"][0], dict) else result["warnings"][0]
    )
    assert warning.startswith(f"The hub at hub_endpoint {hub.url} does not give {REPO} (revision main): ")
    assert warning.endswith(f". Its files of commit {commit} are complete on this node and stay in use.")
    assert bring(hub.url, revision=commit)["changed"] is False
    assert bring(hub.url, revision="v2")["failed"] is True
    (there / SHARDS[0]).unlink()
    broken = bring(hub.url)
    assert broken["failed"] is True
    assert broken["msg"].startswith(f"The hub at hub_endpoint {hub.url} does not give {REPO} (revision main): ")
    assert broken["msg"].endswith(". Check hub_endpoint, checkpoint and model_revision.")


@pytest.mark.parametrize(
    ("params", "what"),
    [
        ({"repository": "inferfleet/none"}, "inferfleet/none (revision main)"),
        ({"revision": "v9"}, f"{REPO} (revision v9)"),
    ],
)
def test_what_the_hub_does_not_have(bring, good_hub, there, params, what):
    bring(good_hub.url)
    result = bring(good_hub.url, **params)
    assert result["failed"] is True
    assert result["msg"].startswith(f"The hub at hub_endpoint {good_hub.url} does not give {what}: 404")
    assert result["msg"].endswith(". Check hub_endpoint, checkpoint and model_revision.")


def test_an_interrupted_download_goes_on(bring, start_module, start_hub, there, tmp_path, snapshot):
    big = tmp_path / "root" / REPO
    big.mkdir(parents=True)
    (big / SHARDS[0]).write_bytes(os.urandom(32 * 2**20))  # huggingface_hub writes it in pieces of 10 MB
    slow = start_hub("--rate", "16000000", root=tmp_path / "root")
    env = {**os.environ, "HF_HOME": str(tmp_path / "home")}
    process = start_module("model_snapshot", env=env, repository=REPO, endpoint=slow.url, path=str(there))
    deadline = time.monotonic() + 30
    while slow.sent_of_shards() < 24 * 2**20 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    slow.end()
    (partial,) = (there / snapshot.PARTIAL).iterdir()
    kept = partial.stat().st_size
    assert 10**7 <= kept < 32 * 2**20
    fast = start_hub(root=tmp_path / "root")
    assert bring(fast.url)["changed"] is True
    assert (there / SHARDS[0]).read_bytes() == (big / SHARDS[0]).read_bytes()
    assert fast.sent_of_shards() == 32 * 2**20 - kept
    assert not (there / snapshot.PARTIAL).exists()


def test_a_broken_part_is_thrown_away(bring, good_hub, hub_root, there, snapshot):
    want = {"hash": hashlib.sha256((hub_root / REPO / SHARDS[0]).read_bytes()).hexdigest()}
    partial = Path(snapshot.partial_path(str(there), SHARDS[0], want))
    partial.parent.mkdir(parents=True)
    partial.write_bytes(b"\0" * (SHARD // 2))  # what a node without power may keep of a file
    assert "failed" not in bring(good_hub.url)
    assert_same(there, hub_root)


def test_a_line_that_breaks_is_no_failure(bring, start_hub, hub_root, there):
    hub = start_hub("--fail-after", "500000")
    assert bring(hub.url)["changed"] is True
    assert_same(there, hub_root)


def test_a_hub_that_sends_other_bytes_than_it_says(bring, start_hub, good_hub, hub_root, there):
    hub = start_hub("--corrupt", f"{REPO}/{SHARDS[1]}")
    result = bring(hub.url)
    commit = result["commit"]
    assert result["failed"] is True
    assert result["msg"] == (
        f"{SHARDS[1]} from hub_endpoint {hub.url} differs from the hash that the hub gives for it in {REPO}"
        f" at {commit}, even when downloaded again. Use another hub_endpoint."
    )
    hub.end()
    assert bring(hub.url)["failed"] is True  # what is incomplete is never good enough
    assert bring(good_hub.url)["missing"] == [SHARDS[1]]
    assert_same(there, hub_root)


def test_a_place_that_cannot_be_written(bring, good_hub, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("a file where the folder should be")
    result = bring(good_hub.url, path=str(blocked / "there"))
    assert result["failed"] is True
    assert result["msg"] == f"The weights cannot be written below {blocked}/there: Not a directory."


def test_two_at_once_download_once(start_module, good_hub, hub_root, there, tmp_path):
    env = {**os.environ, "HF_HOME": str(tmp_path / "home")}
    sent = good_hub.sent_of_shards()
    given = {"repository": REPO, "endpoint": good_hub.url, "path": str(there)}
    processes = [start_module("model_snapshot", env=env, **given) for _ in range(2)]
    results = [json.loads(process.communicate(timeout=60)[0]) for process in processes]
    assert [result.get("failed") for result in results] == [None, None]
    assert good_hub.sent_of_shards() - sent == 2 * SHARD
    assert_same(there, hub_root)
