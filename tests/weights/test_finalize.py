"""Finalization of a converted checkpoint: complete with hashes, or not at all."""

import hashlib
import json

import pytest
from tests.weights.fleet import run_module

NAMES = ["model0-mp2.safetensors", "model1-mp2.safetensors", "tokenizer.json"]


@pytest.fixture
def made(tmp_path):
    """Return the module's parameters for a finished conversion and an older copy under the final name."""
    staging, path = tmp_path / ".new", tmp_path / "R1-mp2"
    staging.mkdir()
    path.mkdir()
    (path / "old").write_text("old")
    for name in NAMES:
        (staging / name).write_text(name)
    return {"staging": str(staging), "path": str(path), "files": NAMES, "repository": "R1-mp2", "revision": "7"}


def test_complete_checkpoint_is_renamed_and_verified(made, tmp_path):
    result = run_module("weights_finalize", **made)
    assert result["changed"], result
    assert sorted(path.name for path in tmp_path.iterdir()) == ["R1-mp2"]
    manifest = json.loads((tmp_path / "R1-mp2" / ".inferfleet.json").read_text())
    assert {name: entry["hash"] for name, entry in manifest["files"].items()} == {
        name: hashlib.sha256(name.encode()).hexdigest() for name in NAMES
    }
    verified = run_module("weights_verify", path=made["path"], deep=True)
    assert verified["complete"]
    assert verified["about"]["revision"] == "7"


@pytest.mark.parametrize("content", [None, ""])
def test_incomplete_checkpoint_changes_nothing(made, tmp_path, content):
    lacking = tmp_path / ".new" / NAMES[1]
    lacking.unlink()
    if content is not None:
        lacking.write_text(content)
    result = run_module("weights_finalize", **made)
    assert result["failed"]
    assert f"is not complete: {NAMES[1]} missing" in result["msg"]
    assert (tmp_path / "R1-mp2" / "old").exists()
