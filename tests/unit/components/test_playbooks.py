"""Playbooks over components, with an additional component, run by Ansible on this machine."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from tests.unit.components.conftest import EXPORTER

import inferfleet
from inferfleet.components import GROUPS, load_components

pytestmark = pytest.mark.slow  # runs ansible-playbook

ROOT = Path(__file__).parents[3]
PLAYS = """
- name: Remove the components
  hosts: "{{ query('component_groups') }}"
  gather_facts: false
  pre_tasks:
    - ansible.builtin.set_fact: {inferfleet_node: {docker: false}, cacheable: true}
  tasks: %s
- name: Check the components that answer
  hosts: probes
  gather_facts: false
  tasks:
    - ansible.builtin.set_fact: {inferfleet_plan: {engine: vllm, executor: mp, nodes: {}}, cacheable: true}
    - ansible.builtin.include_role: {name: verify, tasks_from: health}
    - ansible.builtin.debug: {msg: "{{ [inventory_hostname] | component_health(hostvars) }}"}
"""


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the output of Ansible for the removal (check mode without Docker) and for the status."""
    folder = tmp_path_factory.mktemp("made_up")
    package = folder / "lib" / "inferfleet"
    shutil.copytree(Path(inferfleet.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    data = folder / "data"
    data.mkdir()
    (package / "components" / "exporter.yml").write_text(
        EXPORTER.replace("/var/lib/inferfleet/process-exporter", str(data)).replace("9256", "9")
    )
    for name in ("firewall", "node_exporter"):  # their removal stops a unit, which needs systemd
        file = package / "components" / f"{name}.yml"
        file.write_text(file.read_text().replace('["*"]', "[ray_head]"))
    (removal,) = [
        play["tasks"]
        for play in yaml.safe_load((ROOT / "playbooks/reset.yml").read_text())
        if play.get("name") == "Remove the components"
    ]
    (folder / "play.yml").write_text(PLAYS % json.dumps(removal))
    settings = yaml.safe_load((ROOT / "group_vars/all/main.yml").read_text())
    hosts = {"m1": {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}}
    inventory = {"all": {"vars": settings}, "probes": {"hosts": hosts}}
    (folder / "hosts.yml").write_text(yaml.safe_dump(inventory))
    done = subprocess.run(
        ["ansible-playbook", "--inventory", folder / "hosts.yml", "--check", "-v", folder / "play.yml"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{folder / 'lib'}", "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.replace(str(data), "DATA")


def test_play_over_all_components_includes_its_group(output):
    assert "Remove the configuration and data of Process exporter" in output


def test_only_files_and_data_of_components_of_the_node_are_removed(output):
    assert "item: /etc/inferfleet/process-exporter.yml" in output
    assert "item: DATA" in output
    assert "open-webui" not in output
    assert "ray_auth_token" not in output


def test_its_status_is_checked(output):
    assert "message: Process exporter on m1" in output
    assert "ok: false" in output


@pytest.mark.parametrize("path", sorted((ROOT / "playbooks").rglob("*.yml")), ids=lambda path: path.name)
def test_no_playbook_lists_all_groups_by_name(path):
    assert ":".join(GROUPS) not in path.read_text()


@pytest.mark.parametrize("component", load_components(), ids=lambda component: component.name)
def test_every_component_is_deployed_by_an_existing_role(component):
    assert (ROOT / "roles" / component.role / "tasks/main.yml").is_file()


def test_data_folders_match_the_defaults_of_the_roles():
    for component in load_components():
        defaults = yaml.safe_load((ROOT / "roles" / component.role / "defaults/main.yml").read_text())
        assert {data.variable: data.path for data in component.data if data.variable}.items() <= defaults.items()


def test_names_and_paths_are_not_duplicated():
    written = [
        name
        for component in load_components()
        for name in (component.container or component.unit, *component.files.values(), *component.volumes)
    ]
    values = re.compile(rf"(: |'|- )({'|'.join(map(re.escape, written))})(['\n]|:/)")
    files = [*(ROOT / "roles").rglob("*.yml"), *(ROOT / "playbooks").rglob("*.yml")]
    assert [f"{path}: {found[0]}" for path in files for found in values.finditer(path.read_text())] == []
