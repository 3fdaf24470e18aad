"""The index of a bundle."""

import hashlib
import io
import json
import tarfile

import pytest

from inferfleet.bundle import image_file, make_index, read_index
from inferfleet.bundle import index as module
from inferfleet.bundle.index import add_image


def test_image_file_is_named_after_the_image():
    assert (
        image_file("registry.site:5000/vllm/vllm-openai:v0.17.1") == "registry.site_5000_vllm_vllm-openai_v0.17.1.tar"
    )


def test_all_files_but_the_weights_are_hashed(folder, about):
    files = make_index(folder, about)["files"]
    assert sorted(files) == ["checkpoint.json", "images/a_engine_1.tar", "packages/debian-12-x86_64.tar"]
    assert files["checkpoint.json"]["sha256"] == hashlib.sha256(b"checkpoint.json").hexdigest()


def test_images_have_a_manifest_for_peer_distribution(folder, about):
    make_index(folder, about)
    tree = json.loads((folder / "images.json").read_text())
    assert [*tree["files"]] == ["a_engine_1.tar"]
    assert tree["files"]["a_engine_1.tar"]["algorithm"] == "sha256"
    assert tree["bytes"] == len("images/a_engine_1.tar")
    assert tree["about"]["repository"] == "images"


def test_only_outdated_images_and_packages_are_deleted(folder, about):
    (folder / "images/old.tar").write_text("old")
    (folder / "packages/rocky-9-x86_64.tar").write_text("old")
    (folder / "readme.txt").write_text("mine")
    files = make_index(folder, about)["files"]
    assert not (folder / "images/old.tar").exists()
    assert not (folder / "packages/rocky-9-x86_64.tar").exists()
    assert (folder / "readme.txt").exists()
    assert (folder / "weights/a/model/w.bin").exists()
    assert "images/old.tar" not in files


def test_indexing_is_idempotent(folder, about):
    assert make_index(folder, about) == make_index(folder, about) == read_index(folder)


def test_changed_file_is_hashed_again(folder, about):
    before = make_index(folder, about)["files"]["checkpoint.json"]
    (folder / "checkpoint.json").write_text("another")
    assert make_index(folder, about)["files"]["checkpoint.json"]["sha256"] != before["sha256"]


@pytest.mark.parametrize("content", [None, "", "[]", "{"])
def test_unreadable_index_is_empty(tmp_path, content):
    if content is not None:
        (tmp_path / "bundle.json").write_text(content)
    assert read_index(tmp_path) == {}


def archive(path, tag):
    """Write a Docker archive of an image with one layer."""
    config = json.dumps({"rootfs": {"diff_ids": ["sha256:layer"]}}).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [tag], "Layers": []}]).encode()
    with tarfile.open(path, "w") as tar:
        for name, content in (("manifest.json", manifest), ("config.json", config)):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


@pytest.mark.parametrize("tag", ["site/engine:2", "docker.io/site/engine:2"])
def test_an_image_is_added_to_a_bundle(folder, about, tag):
    make_index(folder, about)
    index = add_image(folder, "site/engine:2", archive(folder / "saved.tar", tag))
    assert index["images"].keys() == {*about["images"], "site/engine:2"}
    assert index["images"]["site/engine:2"]["layers"] == ["sha256:layer"]
    assert index["images"]["site/engine:2"]["file"] in index["files"]
    assert not (folder / "saved.tar").exists()


def test_archive_of_an_interrupted_addition_is_kept(folder, about, monkeypatch):
    make_index(folder, about)
    with monkeypatch.context() as patch:
        patch.setattr(module, "_entry", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            add_image(folder, "site/engine:2", archive(folder / "saved.tar", "site/engine:2"))
    known = {key: value for key, value in read_index(folder).items() if key not in ("format", "files")}
    assert "images/site_engine_2.tar" in make_index(folder, known)["files"]


def test_another_image_or_folder_is_not_added(folder, about, tmp_path_factory):
    saved = archive(tmp_path_factory.mktemp("saved") / "saved.tar", "site/other:1")
    with pytest.raises(ValueError, match="contains no bundle"):
        add_image(saved.parent, "site/engine:2", saved)
    make_index(folder, about)
    with pytest.raises(ValueError, match="contains no image"):
        add_image(folder, "site/engine:2", saved)
    saved.write_bytes(b"no archive")
    with pytest.raises(ValueError, match="no Docker archive"):
        add_image(folder, "site/engine:2", saved)
    assert saved.exists()
