"""The entry point `due` of role nvidia_driver: a host for each case of an installed driver."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
UPGRADE: dict[str, Any] = {"nvidia_driver_install": "upgrade", "nvidia_driver_branch": "590"}
USED: dict[str, Any] = {"nvidia_driver_in_use": True}
REBOOT: dict[str, Any] = {"nvidia_driver_reboot": True}
CASES: dict[str, dict[str, Any]] = {
    "same": UPGRADE | USED | {"nvidia_driver_branch": "580"},
    "kept": USED | {"nvidia_driver_branch": "590"},
    "upgraded": UPGRADE | USED | REBOOT,
    "unused": UPGRADE,
    "refused": UPGRADE | USED,
    "half": USED | REBOOT | {"x_library": "590.10"},
}


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("due")
    hosts = {
        name: {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, **case}
        for name, case in CASES.items()
    }
    (folder / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}))
    driver = {
        "driver_version": "580.1",
        "module_version": "580.1",
        "library_version": "{{ x_library | default('580.1') }}",
    }
    play = {
        **{"hosts": "all", "gather_facts": False, "any_errors_fatal": False},
        "tasks": [
            {"ansible.builtin.set_fact": {"inferfleet_accelerators": driver | {"modules": []}, "cacheable": True}},
            {"ansible.builtin.include_role": {"name": "nvidia_driver", "tasks_from": "due"}},
            {"ansible.builtin.debug": {"msg": "due:{{ inventory_hostname }}:{{ nvidia_driver_due }}"}},
        ],
    }
    (folder / "play.json").write_text(json.dumps([play]))
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-i", folder / "hosts.json", folder / "play.json"],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_driver_changes_if_it_is_to_be_replaced_or_half_installed(output: str) -> None:
    due = dict(re.findall(r"due:(\w+):(\w+)", output))
    expected = {"same": "False", "kept": "False", "upgraded": "True", "unused": "True", "half": "True"}
    assert due == expected, output


def test_driver_in_use_does_not_change_without_a_reboot(output: str) -> None:
    assert "driver-needs-reboot" in output.rpartition("fatal: [refused]")[2]
