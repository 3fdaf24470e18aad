"""The role in Ansible on this machine: the files that it would write, in check mode, so that nothing changes here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.unit.gateway.plans import plan

ROOT = Path(__file__).parents[2]


def run(folder, groups, *arguments, **variables):
    """Run the part of the gateway with a plan, between stand-ins for preflight."""
    hosts = {"n1": "10.0.0.1"} if "gateway" in groups else {}
    facts = {
        "inferfleet_plans": [plan("deepseek-r1", "n1")],
        "inferfleet_plan": plan("deepseek-r1", "n1"),
        "inferfleet_gateway": {
            "hosts": hosts,
            "names": ["n1"],
            "webui": {"port": 8444, "server": "10.0.0.1:3000"},
            "monitoring": {"port": 0},
        },
        "inferfleet_node": {
            "distribution": {"id": "debian", "id_like": "", "version_id": "12"},
            "runnable": {"apt": False},
        },
    }
    (folder / "facts.json").write_text(json.dumps(facts))
    read = "{{ (lookup('ansible.builtin.file', '%s') | from_json).%s }}"
    given = {name: read % (folder / "facts.json", name) for name in facts} | {"cacheable": True}
    plays = [
        {
            "name": "Before",
            "hosts": "all",
            "gather_facts": False,
            "tasks": [{"name": "Plan", "ansible.builtin.set_fact": given}],
        },
        {"name": "Gateway", "ansible.builtin.import_playbook": str(ROOT / "playbooks/parts/gateway.yml")},
    ]
    everywhere = {
        **yaml.safe_load((ROOT / "group_vars/all/main.yml").read_text()),
        **{"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
        **{
            "preflight_secrets": {"engine_api_key": "engine-key", "monitoring_admin_password": "p"},
            "preflight_secrets_dir": str(folder / ".secrets"),
        },
        **variables,
    }
    children = {group: {"hosts": {"n1": {}}} for group in groups}
    (folder / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": children, "vars": everywhere}}))
    (folder / "play.yml").write_text(yaml.safe_dump(plays, sort_keys=False))
    return subprocess.run(
        [
            Path(sys.executable).with_name("ansible-playbook"),
            "-i",
            folder / "hosts.yml",
            folder / "play.yml",
            *arguments,
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        check=False,
    )


def test_nothing_is_deployed_without_a_planned_gateway(tmp_path):
    done = run(tmp_path, ["ray_head"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "HAProxy" not in done.stdout
    assert "WARNING" not in done.stderr


@pytest.mark.skipif(Path("/etc/inferfleet/gateway").exists(), reason="this machine is a gateway")
def test_check_run_on_a_clean_host(tmp_path):
    done = run(tmp_path, ["ray_head", "gateway"], "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Create the folder of the configuration" in done.stdout
    assert not (tmp_path / ".secrets").exists()


def test_head_is_in_the_group_also_for_the_packages_of_a_bundle(tmp_path):
    """playbooks/bundle.yml plans with the same tasks, and downloads the packages of the components of all groups."""
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_become": False}
    packages = "ansible_facts.inferfleet_plan | component_packages(groups | inhabited) | join(',')"
    shown = f"{{{{ group_names | sort | join(',') }}}} {{{{ {packages} }}}}"
    plays = [
        {
            "name": "Plan",
            "hosts": "ray_head",
            "gather_facts": False,
            "vars": local,
            "tasks": [
                {"name": "Plan", "ansible.builtin.include_role": {"name": "preflight", "tasks_from": "inventory"}}
            ],
        },
        {
            "name": "Show",
            "hosts": "gateway",
            "gather_facts": False,
            "tasks": [{"name": "Show", "ansible.builtin.debug": {"msg": shown}}],
        },
    ]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(plays, sort_keys=False))
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "inventories/h800", tmp_path / "play.yml"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_ROLES_PATH": str(ROOT / "roles")},
        check=False,
    )
    assert "gateway,ray_head,webui nftables,haproxy" in done.stdout, done.stdout + done.stderr
    assert "changed=0" in done.stdout
