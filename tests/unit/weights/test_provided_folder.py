"""Model folders of the user on a node: links of Hugging Face's cache, incomplete folders and second copies."""

import hashlib
import json
import os

import pytest
from ansible.module_utils.weights import manifest, provided
from ansible.module_utils.weights.sources.folder import Folder
from ansible.module_utils.weights.sources.source import SourceError
from tests.weights.fleet import run_module

from inferfleet.catalog.folder import provided_folders

INDEX = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
FILES = {
    "config.json": b"{}",
    "model-1.safetensors": b"one",
    "model-2.safetensors": b"three",
    "model.safetensors.index.json": json.dumps(INDEX).encode(),
}


@pytest.fixture
def snapshot(tmp_path):
    """Return a revision in Hugging Face's cache, as huggingface_hub stores it."""
    repository = tmp_path / "hub" / "models--org--R1"
    folder = repository / "snapshots" / "abc"
    folder.mkdir(parents=True)
    (repository / "blobs").mkdir()
    for name, data in FILES.items():
        (repository / "blobs" / f"blob-{name}").write_bytes(data)
        (folder / name).symlink_to(f"../../blobs/blob-{name}")
    return folder


def state(folder):
    return provided.describe(provided_folders(str(folder)))


def test_a_revision_in_the_cache_is_complete(snapshot):
    found = state(snapshot)
    assert (found["exists"], found["missing"], found["outside"]) == (True, [], {})
    assert found["bytes"] == sum(map(len, FILES.values()))
    assert state(snapshot / "config.json") == found  # `model` may name the file


def test_a_plain_copy_is_the_same_model(snapshot, tmp_path):
    plain = tmp_path / "R1"
    plain.mkdir()
    for name, data in FILES.items():
        (plain / name).write_bytes(data)
    (plain / ".cache").mkdir()
    (plain / ".cache" / "lock").symlink_to("nowhere")
    assert state(plain)["digest"] == state(snapshot)["digest"]
    (plain / "model-2.safetensors").write_bytes(b"thre")
    assert state(plain)["digest"] != state(snapshot)["digest"]


def test_links_without_target_and_missing_shards(snapshot):
    (snapshot / "model-1.safetensors").resolve().unlink()
    (snapshot / "model-2.safetensors").unlink()
    assert state(snapshot)["missing"] == ["model-1.safetensors", "model-2.safetensors"]


def test_links_that_a_container_does_not_see(snapshot, tmp_path):
    other = tmp_path / "elsewhere.safetensors"
    other.write_bytes(b"one")
    (snapshot / "model-1.safetensors").unlink()
    (snapshot / "model-1.safetensors").symlink_to(other)
    assert state(snapshot)["outside"] == {"model-1.safetensors": str(other)}


def test_a_link_to_the_cache_hides_the_blobs(snapshot, tmp_path):
    link = tmp_path / "R1"
    link.symlink_to(snapshot)
    found = state(link)
    assert found["outside"].keys() == FILES.keys()
    assert found["real_path"] == str(snapshot)


def test_a_link_to_a_plain_folder_is_complete(snapshot, tmp_path):
    plain, link = tmp_path / "disk2", tmp_path / "R1"
    plain.mkdir()
    (plain / "config.json").write_text("{}")
    link.symlink_to(plain)
    assert (state(link)["missing"], state(link)["outside"]) == ([], {})


def test_a_missing_folder(tmp_path):
    assert state(tmp_path / "nowhere")["exists"] is False


def test_copies_that_inferfleet_did_not_download(snapshot, tmp_path):
    for name in ("org/plain", "org/ours", "org/without_weights"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.json").write_text("{}")
    (tmp_path / "org/plain/model.safetensors").write_bytes(b"x")
    manifest.write_json(tmp_path / "org/ours" / manifest.NAME, {"files": {}})
    newer = snapshot.with_name("def")
    newer.mkdir()
    (newer / "config.json").write_text("{}")
    (newer / "model.safetensors").write_bytes(b"x")
    os.utime(newer / "config.json", (2e9, 2e9))
    assert provided.copies(str(tmp_path)) == {"org/plain": str(tmp_path / "org/plain"), "org/R1": str(newer)}
    assert provided.copies(str(tmp_path / "hub")) == {"org/R1": str(newer)}


def test_an_incomplete_copy_is_downloaded(snapshot, tmp_path):
    assert provided.copies(str(tmp_path)) == {"org/R1": str(snapshot)}
    (snapshot / "model-2.safetensors").unlink()
    assert provided.copies(str(tmp_path)) == {}


def test_a_pruned_copy_is_downloaded(snapshot, tmp_path):
    (snapshot / "config.json").resolve().unlink()  # the link dangles
    assert provided.copies(str(tmp_path)) == {}


def test_a_copy_next_to_our_own_is_ignored(snapshot, tmp_path):
    (tmp_path / "org/R1").mkdir(parents=True)
    (tmp_path / "org/R1/config.json").write_text("{}")
    manifest.write_json(tmp_path / "org/R1" / manifest.NAME, {"files": {}})
    assert provided.copies(str(tmp_path)) == {}


def source(path):
    return Folder({"type": "path", "path": str(path)}, 60, 0)


def test_a_revision_in_the_cache_is_a_source_with_hashes(snapshot):
    shard = snapshot / "model-1.safetensors"
    digest = hashlib.sha256(b"one").hexdigest()
    shard.resolve().rename(snapshot.parent.parent / "blobs" / digest)
    shard.unlink()
    shard.symlink_to(f"../../blobs/{digest}")
    _, files = source(snapshot).describe()
    assert files.keys() == FILES.keys()
    assert files["model-1.safetensors"] == {"size": 3, "algorithm": "sha256", "hash": digest}
    assert files["config.json"] == {"size": 2, "algorithm": "", "hash": ""}


def test_sources_that_are_not_a_model(snapshot):
    with pytest.raises(SourceError, match=r"set path to one of .*/snapshots/\*"):
        source(snapshot.parent.parent).describe()
    (snapshot / "model-1.safetensors").resolve().unlink()
    with pytest.raises(SourceError, match=r"model-1\.safetensors points to a file that does not exist"):
        source(snapshot).describe()


def test_the_cache_is_listed_as_one_model(snapshot):
    (listed,) = run_module("weights_list", root=str(snapshot.parents[2]))["models"]
    assert (listed["repository"], listed["state"]) == ("org/R1", "unknown")
    assert listed["path"] == str(snapshot.parents[1])


def test_facts_of_a_node(snapshot, tmp_path):
    params = {"tree": str(tmp_path), "model": provided_folders(str(snapshot))}
    facts = run_module("node_facts", **params)["ansible_facts"]["inferfleet_node"]
    assert facts["copies"] == {"org/R1": str(snapshot)}
    assert facts["model_folder"] == state(snapshot)
