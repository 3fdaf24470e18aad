"""A check run of tasks with Ansible on this machine: it shows what a role would write to a node and changes nothing."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]


def check_run(
    folder: Path, hosts: dict[str, Any], variables: dict[str, Any], tasks: list[dict[str, Any]]
) -> tuple[int, str]:
    """Return exit code and output, with differences; `hosts` are the hosts and groups of group `all`."""
    everywhere = {
        **yaml.safe_load((ROOT / "group_vars/all/main.yml").read_text()),
        **{"ansible_connection": "local", "ansible_python_interpreter": sys.executable, **variables},
    }
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"vars": everywhere, **hosts}}))
    (folder / "play.yml").write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    program = Path(sys.executable).with_name("ansible-playbook")
    done = subprocess.run(
        [program, "-i", folder / "hosts.yml", folder / "play.yml", "--check", "--diff"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        check=False,
    )
    return done.returncode, done.stdout + done.stderr
