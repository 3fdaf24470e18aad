"""Bare nodes: a check run changes nothing, and a run that is killed leaves no process."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from lab_cluster import INVENTORY, ROOT, TOOLS, Controller, Lab, eventually

pytestmark = pytest.mark.lab


def remaining_runs() -> list[str]:
    """Return the command lines of running deployments of this inventory."""
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    return [line.decode().replace("\0", " ") for line in lines if b"site.yml" in line and INVENTORY.encode() in line]


def test_check_run_on_bare_nodes(lab: Lab, controller: Controller) -> None:
    check = controller.inferfleet("up", "--check", "--diff")
    assert check.rc == 0, check
    assert check.document["changed_tasks"], "check mode must list changes"
    for node in lab.names:
        assert (
            lab.ssh(node, "ls /etc/docker /etc/inferfleet /opt/inferfleet /usr/sbin/dockerd 2>/dev/null || true") == ""
        )
        assert "inferfleet" not in lab.ssh(node, "cat /etc/hosts")


def test_killed_run_leaves_no_process(lab: Lab) -> None:
    argv = [TOOLS / "inferfleet", "up", "-i", INVENTORY]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True) as run:
        assert run.stdout
        for line in run.stdout:
            if "Ray" in line:  # the nodes are prepared and pull the engine's image
                break
        time.sleep(3)
        os.kill(run.pid, signal.SIGKILL)
    eventually(lambda: not remaining_runs(), 30, "the killed run's processes end")
