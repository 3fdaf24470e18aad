"""A persistent fact cache neither skips preflight nor restores the plan of an earlier run."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
HERE = {
    "ansible_connection": "local",
    "ansible_host": "127.0.0.1",
    "ansible_become": False,
    "ansible_python_interpreter": sys.executable,
}
PLAY = {
    "hosts": "all",
    "gather_facts": False,
    "tasks": [
        {
            "name": "Show the plan",
            "ansible.builtin.debug": {
                "msg": "serves {{ ansible_facts.inferfleet_plan.served_model_name }} with a key of"
                " {{ preflight_secrets.engine_api_key | length }} characters"
            },
        }
    ],
}


def test_two_runs(tmp_path):
    folder = tmp_path / "inventory"
    (folder / "group_vars" / "all").mkdir(parents=True)
    settings = {"model": "tiny-r1", "accelerator": "cpu", "executor": "mp", "model_root": str(tmp_path / "models")}
    (folder / "group_vars" / "all" / "10_cluster.yml").write_text(yaml.safe_dump(settings))
    (folder / "hosts.yml").write_text(yaml.safe_dump({"ray_head": {"hosts": {"n1": HERE}}}))
    book = tmp_path / "show.yml"
    book.write_text(yaml.safe_dump([{"import_playbook": str(ROOT / "playbooks" / "preflight.yml")}, PLAY]))
    env = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "ANSIBLE_CACHE_PLUGIN": "jsonfile"}
    env |= {"ANSIBLE_CACHE_PLUGIN_CONNECTION": str(tmp_path / "cache"), "COLUMNS": "200"}
    for name in ("first", "second"):
        options = ["-e", f"served_model_name={name}", "-e", '{"preflight_enforce": false}']
        argv = [BIN / "ansible-playbook", book, "-i", folder, *options]
        done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=200, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"serves {name} with a key of 43 characters" in done.stdout
    assert list((tmp_path / "cache").iterdir())
