"""The lock of the nodes over complete runs of ansible-playbook on this machine: two inventories with the same nodes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PLAYS = [
    {
        "name": "Preflight",
        "hosts": "all",
        "gather_facts": False,
        "tasks": [
            {
                "name": "Lock the node for this run",
                "change_lock": {"path": "{{ folder }}/{{ inventory_hostname }}/lock.json"},
                "when": "not ansible_check_mode",
                "tags": ["always"],
            },
        ],
    },
    {
        "name": "Change the nodes",
        "hosts": "node1",
        "gather_facts": False,
        "tasks": [
            {
                "name": "Change the node",
                "ansible.builtin.shell": "touch {{ folder }}/changed; {{ command | default('true') }}",
                "tags": ["change"],
            }
        ],
    },
]


@pytest.fixture
def nodes(tmp_path: Path) -> Path:
    """Return a folder with a playbook, two inventories of the same two nodes, and the locks of these."""
    (tmp_path / "play.yml").write_text(yaml.safe_dump(PLAYS, sort_keys=False))
    for name in ("a", "b"):
        hosts = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "folder": str(tmp_path)}
        (tmp_path / f"{name}.yml").write_text(yaml.safe_dump({"all": {"hosts": {"node1": hosts, "node2": hosts}}}))
    return tmp_path


def start(nodes: Path, inventory: str, *options: str) -> subprocess.Popen[str]:
    env = os.environ | {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "PYTHONWARNINGS": "ignore"}
    argv = [Path(sys.executable).with_name("ansible-playbook"), "-i", nodes / f"{inventory}.yml", nodes / "play.yml"]
    pipe = subprocess.PIPE
    return subprocess.Popen([*argv, *options], cwd=ROOT, env=env, stdout=pipe, stderr=subprocess.STDOUT, text=True)


def run(nodes: Path, inventory: str, *options: str) -> tuple[int, str]:
    process = start(nodes, inventory, *options)
    output, _ = process.communicate(timeout=120)
    return process.returncode, " ".join(output.split())


def running(nodes: Path, seconds: int = 90) -> subprocess.Popen[str]:
    """Return a run of inventory a that is changing node1."""
    process = start(nodes, "a", "-e", f"command='sleep {seconds}'")
    deadline = time.monotonic() + 60
    while not (nodes / "changed").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    (nodes / "changed").unlink()
    return process


def locks(nodes: Path) -> dict[str, Any]:
    return {path.parent.name: json.loads(path.read_text()) for path in nodes.glob("*/lock.json")}


@pytest.mark.parametrize(
    ("options", "rc"),
    [(["-e", "command=false"], 2), (["--tags", "change", "--limit", "node1"], 0)],
    ids=["failure", "tags and limit"],
)
def test_no_lock_remains_after_a_run(nodes: Path, options: list[str], rc: int) -> None:
    done, output = run(nodes, "a", *options)
    assert done == rc, output
    assert (nodes / "changed").exists()
    assert "WARNING" not in output
    assert "Unlock" not in output
    assert (nodes / "node1").is_dir()
    assert locks(nodes) == {}


def test_a_second_run_is_refused_before_it_changes_anything_but_a_check_run_is_not(nodes: Path) -> None:
    first = running(nodes)
    held = locks(nodes)
    done, output = run(nodes, "b", "-e", "engine_api_key=Hidden-0815")
    assert done == 2
    assert f"with inventory {nodes}/a.yml, by " in output
    assert f"(process {first.pid}). Wait until it finishes, or stop it with Ctrl-C." in output
    assert not (nodes / "changed").exists()
    assert locks(nodes) == held
    assert set(held) == {"node1", "node2"}
    assert held["node1"]["command"] == f"ansible-playbook {nodes}/play.yml"
    done, output = run(nodes, "b", "--check")
    assert (done, locks(nodes)) == (0, held), output
    first.send_signal(signal.SIGINT)
    first.communicate()


def test_the_lock_of_a_killed_run_is_taken_over(nodes: Path) -> None:
    first = running(nodes)
    first.kill()
    first.communicate()
    assert set(locks(nodes)) == {"node1", "node2"}
    done, output = run(nodes, "b")
    assert done == 0, output
    assert "ended without unlocking the nodes: its lock is taken over." in output
    assert (nodes / "changed").exists()
    assert locks(nodes) == {}


def test_a_run_that_is_refused_on_one_node_unlocks_the_others(nodes: Path) -> None:
    first = running(nodes)
    held = locks(nodes)
    (nodes / "node1/lock.json").unlink()
    done, _ = run(nodes, "b")
    first.send_signal(signal.SIGINT)
    first.communicate()
    assert done == 2
    assert locks(nodes) == {"node2": held["node2"]}
