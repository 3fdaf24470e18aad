"""The role model_weights on two nodes that share a folder: one of them verifies and removes it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ansible.module_utils.weights import manifest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def model(tmp_path):
    """Return the folder of a complete model."""
    folder = tmp_path / "models/org/R1"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    entry = manifest.check(folder / "model.safetensors", {"size": 7, "algorithm": "sha256", "hash": ""})
    manifest.write_json(
        folder / manifest.NAME, {"complete": True, "commit": "1", "files": {"model.safetensors": entry}}
    )
    return folder


def run(tmp_path, model, tasks_from, local):
    """Run an entry point of the role; return the hosts of each task that did something, and the exit status."""
    nodes = {name: {"ansible_connection": "local", "ansible_python_interpreter": sys.executable} for name in "ab"}
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": nodes}}))
    variables = {
        "model_weights_path": str(model),
        "model_weights_repository": "org/R1",
        # As weights_survey returns it, which finds a local disk here.
        "__model_weights_survey": {"local": local, "existing": str(model)},
    }
    include = {"name": "model_weights", "tasks_from": tasks_from, "rolespec_validate": False}
    play = {"hosts": "all", "gather_facts": False, "tasks": [{"ansible.builtin.include_role": include}]}
    (tmp_path / "play.json").write_text(json.dumps([play]))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "ansible", "playbook", "-i", tmp_path / "hosts.json"),
            *("-e", json.dumps(variables), tmp_path / "play.json"),
        ],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
    )
    sections = re.split(r"^TASK \[(?:model_weights : )?(.*?)\] \**$", done.stdout, flags=re.MULTILINE)
    acted = {
        name: sorted(set(re.findall(r"^(?:ok|changed|fatal): \[(\w)\]", text, re.MULTILINE)))
        for name, text in zip(sections[1::2], sections[2::2], strict=True)
    }
    return acted, done


def test_one_node_verifies_and_all_report_the_damage(tmp_path, model):
    (model / "model.safetensors").write_bytes(b"damaged")
    acted, done = run(tmp_path, model, "verify", local=False)
    assert done.returncode != 0
    assert acted["Verify the weights against the manifest"] == ["a"]
    assert acted["Fail if weight files are missing or damaged"] == ["a", "b"]
    assert sorted(path.name for path in model.iterdir()) == [manifest.NAME, "model.safetensors"]  # no markers


def test_every_node_verifies_its_own_disk(tmp_path, model):
    acted, done = run(tmp_path, model, "verify", local=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert acted["Verify the weights against the manifest"] == ["a", "b"]


def test_one_node_removes_the_folder(tmp_path, model):
    acted, done = run(tmp_path, model, "remove", local=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert acted["Remove the weights and partial downloads"] == ["a"]
    assert not model.parent.exists()
