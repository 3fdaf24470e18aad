"""Complete files move to the final folder, which containers mount."""

import hashlib
import os
from pathlib import Path

import pytest
from ansible.module_utils.weights import manifest
from ansible.module_utils.weights.store import Store, staging_of

CONTENT = {"a/weights.bin": b"new", "config.json": b"same", "tokenizer.json": b"other"}
WANTED = {
    name: {"size": len(data), "algorithm": "sha256", "hash": hashlib.sha256(data).hexdigest()}
    for name, data in CONTENT.items()
}


def complete_store(path):
    """Return a store with all files verified in its staging folder."""
    store = Store(str(path), WANTED)
    store.open(manifest.survey(str(path), WANTED)[0])
    for number, name in enumerate(store.names):
        if not store.verified >> number & 1:
            store.write(number, 0, CONTENT[name])
            assert store.verify(number)
    return store


@pytest.fixture
def old(tmp_path):
    """Return the folder of another revision, with one file that stays."""
    path = tmp_path / "R1"
    path.mkdir()
    (path / "config.json").write_bytes(CONTENT["config.json"])
    (path / "old.bin").write_bytes(b"old")
    stamp = {**WANTED["config.json"], "stamp": manifest.stamp(path / "config.json")}
    manifest.write_json(path / manifest.NAME, {"files": {"config.json": stamp}})
    return path


def contents(path):
    files = {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}
    return {name: data for name, data in files.items() if name != manifest.NAME}


def test_new_folder(tmp_path):
    complete_store(tmp_path / "R1").publish({"revision": "2"})
    assert contents(tmp_path / "R1") == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["R1"]


def test_existing_folder_stays_the_same(old):
    mounted = os.open(old, os.O_RDONLY)
    complete_store(old).publish({"revision": "2"})
    assert sorted(os.listdir(mounted)) == sorted([manifest.NAME, "a", "config.json", "tokenizer.json"])  # noqa: PTH208
    os.close(mounted)
    assert contents(old) == CONTENT
    assert not Path(staging_of(old)).exists()
    assert manifest.survey(str(old), WANTED)[1] == []


def test_a_link_is_replaced(old, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(old)
    before = contents(old)
    complete_store(link).publish({})
    assert not link.is_symlink()
    assert contents(link) == CONTENT
    assert contents(old) == before


@pytest.mark.parametrize("moves", range(4))
def test_an_interrupted_move_continues(old, monkeypatch, moves):
    store, replace, done = complete_store(old), os.replace, []

    def interrupted(source, target):
        if target.startswith(f"{old}/"):
            done.append(target)
        if len(done) > moves:
            raise KeyboardInterrupt
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.publish({"revision": "2"})
    again = Store(str(old), WANTED)
    again.open(manifest.survey(str(old), WANTED)[0])
    assert again.all_verified  # nothing is downloaded again
    if not again.is_final:
        again.publish({"revision": "2"})
    assert contents(old) == CONTENT
