"""Errors of invalid inventories: real commands, which contact no node and write no file."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.negative.changed_inventory import CASES, by_name, refusals, sentences, write_inventory
from typer.testing import CliRunner

from inferfleet.cli import app

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
COMMANDS = [case for case in CASES if "command" in case]
CLOSED = {"ansible_port": 1, "ansible_ssh_common_args": "-F /dev/null -o BatchMode=yes"}
SILENT = {
    "name": "nodes that do not answer",
    "hosts": {"node1": CLOSED, "node2": CLOSED},
    "vars": {"model": "tiny-r1", "accelerator": "cpu"},
    "command": "inferfleet",
}
NOBODY = {
    "ansible_connection": "local",
    "ansible_python_interpreter": "/usr/bin/python3",
    "ansible_become": True,
    "ansible_become_method": "su",
    "ansible_become_user": "nobody",
    "ansible_become_flags": "-s /bin/sh",
}
UNPRIVILEGED = {
    "name": "nodes without root privileges",
    "hosts": {"node1": NOBODY, "node2": NOBODY},
    "vars": {"model": "tiny-r1", "accelerator": "cpu"},
    "command": "inferfleet",
}


@dataclass(frozen=True)
class Run:
    """A finished command, and the files of its inventory before and after."""

    folder: Path
    done: subprocess.CompletedProcess[str]
    before: list[str]
    after: list[str]


def run(case: dict[str, Any], folder: Path) -> Run:
    extra = ["-e", case["extra"]] if "extra" in case else []
    argv = {
        "inferfleet": [BIN / "inferfleet", "up", "-i", folder, "--json", *extra],
        "ansible-playbook": [BIN / "ansible-playbook", "site.yml", "-i", folder, *extra],
    }[case["command"]]
    env = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "ANSIBLE_FORCE_COLOR": "0", "COLUMNS": "200"}
    before = files(folder)
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)
    return Run(folder, done, before, files(folder))


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture(scope="session")
def runs(tmp_path_factory, listener):
    """Start all commands, one per CPU core in parallel, and return their futures by case."""
    port = listener.getsockname()[1]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {
            case["name"]: pool.submit(run, case, write_inventory(case, tmp_path_factory.mktemp("inventory"), port))
            for case in (*COMMANDS, SILENT, UNPRIVILEGED)
        }


@pytest.mark.parametrize("case", [c for c in COMMANDS if c["command"] == "inferfleet"], ids=by_name)
def test_errors_of_the_command(case, runs, nobody_came):
    result = runs[case["name"]].result()
    document = json.loads(result.done.stdout)
    assert refusals(document["problems"], case) == case["refusals"]
    assert (result.done.returncode, document["exit_code"], document["outcome"]) == (1, 1, "bad_input")
    assert document["changed_tasks"] == document["failures"] == []
    assert all(problem["message"] in result.done.stderr for problem in document["problems"])
    assert result.after == result.before
    nobody_came()


@pytest.mark.parametrize("case", [c for c in COMMANDS if c["command"] == "ansible-playbook"], ids=by_name)
def test_errors_of_ansible_playbook(case, runs, nobody_came):
    result = runs[case["name"]].result()
    output = result.done.stdout + result.done.stderr
    plan = CliRunner().invoke(app, ["plan", "-i", str(result.folder), "--json"])
    first, *_ = sentences(json.loads(plan.stdout)["problems"])
    assert result.done.returncode == 2
    assert f"Action failed: {first}\n" in output
    assert "changed=0" in output
    assert case.get("hidden", "\0") not in output
    assert result.after == result.before
    nobody_came()


def test_unreachable_nodes(runs):
    result = runs[SILENT["name"]].result()
    document, options = json.loads(result.done.stdout), CLOSED["ansible_ssh_common_args"]
    assert sentences(document["problems"]) == [
        f"Host {host} is unreachable at {address}:1 as root: connect to host {address} port 1: Connection refused."
        " Check ansible_host, ansible_user and the SSH key in hosts.yml;"
        f" `ssh -p 1 {options} root@{address}` must work."
        for host, address in (("node1", "127.0.0.1"), ("node2", "127.0.0.2"))
    ]
    assert (result.done.returncode, document["outcome"], document["changed_tasks"]) == (4, "unreachable", [])
    hosts = document["stages"][0]["hosts"]
    assert {name: host["state"] for name, host in hosts.items()} == dict.fromkeys(("node1", "node2"), "unreachable")
    assert result.after == result.before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes nobody without a password")
def test_nodes_without_root_privileges(runs):
    result = runs[UNPRIVILEGED["name"]].result()
    document = json.loads(result.done.stdout)
    assert [(problem["code"], problem["message"]) for problem in document["problems"]] == [
        ("not-root", f"User root has no root privileges on host {host}: tasks run as user nobody.")
        for host in ("node1", "node2")
    ]
    assert (result.done.returncode, document["outcome"], document["changed_tasks"]) == (1, "bad_input", [])
    assert result.after == result.before
