"""A model folder as the real huggingface_hub client stores it, planned from an inventory outside of the checkout."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.weights import provided
from huggingface_hub import snapshot_download
from tests.unit.catalog.test_config_json import CONFIG

from inferfleet.catalog.folder import provided_folders

pytestmark = pytest.mark.slow  # downloads with a real client, starts the command

REPO = "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"
SHARD = "model.safetensors"


@pytest.fixture
def snapshot(tmp_path: Path, start: Callable[..., str]) -> Path:
    """A revision in the cache of the client."""
    model = tmp_path / "hub" / REPO
    model.mkdir(parents=True)
    (model / "config.json").write_text(json.dumps(CONFIG))
    header = json.dumps({"a": {"dtype": "BF16", "shape": [4], "data_offsets": [0, 8]}}).encode()
    (model / SHARD).write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    return Path(snapshot_download(REPO, cache_dir=tmp_path / "cache", endpoint=start(tmp_path / "hub")))


def plan(site: Path, folder: Path) -> dict[str, Any]:
    """Return what `inferfleet plan` prints in a folder with an inventory, without a checkout around it."""
    site.mkdir()
    head = {"gpu-01": {"ansible_host": "10.0.0.11"}}
    (site / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": {"ray_head": {"hosts": head}}}}))
    (site / "group_vars").mkdir()
    settings = {"model": str(folder), "accelerator": "H200-141G", "accelerators_per_node": 1}
    (site / "group_vars/all.yml").write_text(yaml.safe_dump(settings))
    command = [sys.executable, "-m", "inferfleet", "plan", "-i", ".", "--json"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INFERFLEET")}
    done = subprocess.run(command, cwd=site, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_a_snapshot_of_the_real_client_is_complete(snapshot: Path) -> None:
    assert (snapshot / SHARD).is_symlink()
    state = provided.describe(provided_folders(str(snapshot)))
    assert (state["exists"], state["missing"], state["outside"]) == (True, [], {})


def test_a_snapshot_of_the_real_client_is_planned_with_its_blobs(snapshot: Path, tmp_path: Path) -> None:
    document = plan(tmp_path / "site", snapshot)
    repository = snapshot.parent.parent
    assert document["served_model_name"] == REPO.partition("/")[2]
    mounts = document["nodes"]["gpu-01"]["mounts"]
    assert mounts[:2] == [f"{snapshot}:{snapshot}:ro", f"{repository}/blobs:{repository}/blobs:ro"]
    assert (snapshot / SHARD).resolve().is_relative_to(repository / "blobs")
