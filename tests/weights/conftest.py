"""A hub and nodes for each test."""

import hashlib
import os

import pytest
from tests.weights.fleet import REPO, Fleet, Hub, run_module


@pytest.fixture(scope="session")
def hub_root(tmp_path_factory):
    """Return the folder of a repository of eight shards, and small files."""
    root = tmp_path_factory.mktemp("hub")
    folder = root / REPO
    (folder / "sub").mkdir(parents=True)
    for number in range(1, 9):
        (folder / f"model-{number:05}-of-00008.safetensors").write_bytes(os.urandom(2_000_000 + number))
    (folder / "config.json").write_text('{"model_type": "deepseek_v3"}')
    (folder / "empty").write_text("")
    (folder / "sub" / "notes.txt").write_text("说明")
    return root


@pytest.fixture(scope="session")
def files(hub_root):
    """Return the manifest's files, as a hub gives them."""
    folder = hub_root / REPO
    found = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        content = path.read_bytes()
        if path.suffix == ".safetensors":
            kind = {"algorithm": "sha256", "hash": hashlib.sha256(content).hexdigest()}
        else:
            blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
            kind = {"algorithm": "git", "hash": blob.hexdigest()}
        found[str(path.relative_to(folder))] = {"size": len(content), **kind}
    return found


@pytest.fixture
def hub(hub_root):
    """Start a hub of its own for each test."""
    hub = Hub(hub_root)
    yield hub
    hub.stop()


@pytest.fixture
def fleet(tmp_path, hub, files):
    """Return three nodes; those still running are killed after the test."""
    fleet = Fleet(tmp_path, hub, files, 3)
    yield fleet
    for node in fleet.nodes:
        if node.process and node.process.poll() is None:
            node.kill()


@pytest.fixture
def manifest_of(tmp_path):
    """Return a function that runs the module weights_manifest."""

    def run(**params):
        return run_module("weights_manifest", **{"path": str(tmp_path / "nowhere"), **params})

    return run
