"""The run that a lock names, and when its lock is taken over."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from inferfleet.cli.registry import Group, discover
from inferfleet.nodes.change_lock import STALE_HOURS, busy, stale, this_run

ROOT = Path(__file__).parents[3]
OPTIONS: dict[str, Any] = {
    "args": ["site.yml"],
    "inventory": ["/srv/my cluster"],
    "subset": "node2",
    "tags": ["model_weights", "ray_cluster"],
    "extra_vars": ["engine_api_key=Hidden-0815"],
}
ELSEWHERE = {
    "controller": "bastion",
    "user": "li",
    "pid": 4711,
    "started": "2026-11-27 06:00 UTC",
    "inventory": "/srv/a",
    "command": "ansible-playbook site.yml",
    "boot_id": "of another machine",
    "pid_namespace": "pid:[4026531836]",
    "pid_started": 1234,
}
READ_ONLY = {
    "events",
    "releases",
    "bench",
    "bundle",
    "doctor",
    "evaluate",
    "facts",
    "preflight",
    "report",
    "status",
    "usage",
    "verify",
    "weights_list",
}
GATEWAY_ONLY = {"clients", "drain"}
"""They must work during a deployment, and are ordered by locks of their own (docs/decisions/gateway.md)."""

SUPERVISOR_ONLY = {"supervision"}
"""The supervisor executes commands one after another; a deployment holds it while it changes containers."""


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_a_run_is_described_without_its_variables(process):
    run = this_run(process.pid, OPTIONS)
    assert run["command"] == "ansible-playbook site.yml --limit node2 --tags model_weights,ray_cluster"
    assert (run["inventory"], run["pid"], run["controller"]) == ("/srv/my cluster", process.pid, os.uname().nodename)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", run["started"])
    assert all(run.values())
    assert "Hidden-0815" not in str(run)
    assert this_run(process.pid, {"args": ["site.yml"], "tags": ("all",)})["command"] == "ansible-playbook site.yml"


def test_a_lock_of_this_controller_is_stale_when_its_process_is_gone(process):
    run = this_run(process.pid, OPTIONS)
    assert stale(run, STALE_HOURS * 3600 * 9) is None
    assert str(busy(run, "/lock")).endswith(f"(process {process.pid}). Wait until it finishes, or stop it with Ctrl-C.")
    assert stale({**run, "pid_started": run["pid_started"] - 1}, 0)  # its id belongs to another process now
    process.kill()
    process.wait()
    assert stale(run, 0).code == "lock-taken-over"
    assert stale(this_run(process.pid, OPTIONS), 0)  # it ended while it locked the node


def test_a_lock_of_another_controller_is_stale_when_it_is_old():
    assert stale(ELSEWHERE, STALE_HOURS * 3600 - 1) is None
    assert str(stale(ELSEWHERE, STALE_HOURS * 3600)) == (
        "The lock of a run of li on bastion since 2026-11-27 06:00 UTC was not renewed for 24 hours: it is taken over."
    )
    assert stale({"controller": "incomplete"}, 0) is None
    assert str(busy(ELSEWHERE, "/run/lock.json")) == (
        "Another run has been changing these nodes since 2026-11-27 06:00 UTC: ansible-playbook site.yml with inventory"
        " /srv/a, by li on bastion (process 4711). Wait until it finishes, or stop it there. If that process no longer"
        " exists, delete /run/lock.json on the nodes; a lock that was not renewed for 24 hours is taken over."
    )


def locking() -> set[str]:
    """Return the playbooks that lock the nodes."""
    plays = {path.stem: yaml.safe_load(path.read_text())[0] for path in (ROOT / "playbooks").glob("*.yml")}
    plays["site"] = yaml.safe_load((ROOT / "site.yml").read_text())[0]
    return {name for name, play in plays.items() if play.get("vars", {}).get("preflight_lock")}


def test_all_playbooks_that_change_nodes_lock_them():
    every = {path.stem for path in (ROOT / "playbooks").glob("*.yml")} | {"site"}
    assert locking() == every - READ_ONLY - GATEWAY_ONLY - SUPERVISOR_ONLY


def test_a_command_that_excludes_other_runs_of_its_inventory_locks_the_nodes():
    """A benchmark loads the nodes without a change."""
    commands = [part for item in discover() for part in (item.commands if isinstance(item, Group) else [item])]
    changing = {Path(command.playbook).stem for command in commands if command.playbook and command.changes_nodes}
    assert changing - {"facts", "bench"} - SUPERVISOR_ONLY <= locking()
