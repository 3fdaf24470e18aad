"""Run a part of site.yml on this machine, with stand-ins for most roles that print what they would do."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from inferfleet.inventory.removal import GROUP as REMOVED

ROOT = Path(__file__).parents[2]
Services = dict[str, list[str]]

# Prints step and host, and fails on the hosts of `x_fails`.
STEP = """\
- name: Show the step
  ansible.builtin.debug:
    msg: "step:{step}:{{{{ inventory_hostname }}}}"
  when: {when}

- name: Fail on selected hosts
  ansible.builtin.fail:
    msg: "{step} failed on {{{{ inventory_hostname }}}}."
  when: inventory_hostname in x_fails['{step}'] | default([])
"""

DEPLOYED_SERVERS = {
    "gateway/tasks/deployed.yml": """\
- name: Read the servers
  ansible.builtin.set_fact:
    gateway_deployed_servers: {servers: "{{ x_servers }}"}
""",
}
SERVE_ROLES = {
    "ray_cluster/tasks/main.yml": STEP.format(step="ray", when="true"),
    **{f"inference_engine/tasks/{name}.yml": STEP.format(step=name, when="true") for name in ("start", "wait")},
    "container_images/tasks/main.yml": STEP.format(step="image", when="true"),
    "model_weights/tasks/verify.yml": STEP.format(step="weights", when="true"),
    **{f"supervisor/tasks/{name}.yml": STEP.format(step=name, when="true") for name in ("hold", "main", "release")},
    **DEPLOYED_SERVERS,
}
"""What deploys and starts a replica."""


def _plan(name: str, hosts: list[str]) -> dict[str, Any]:
    return {
        **{
            "service": name,
            "head": hosts[0],
            "engine": "vllm",
            "protocol": "openai",
            "executor": "mp",
            "checkpoint_is_local": False,
            "model_path": "/m",
        },
        **{
            "role": "inference_engine",
            "served_model_name": name,
            "port": 8000,
            "nodes": {host: {"address": "127.0.0.1", "argv": ["serve"]} for host in hosts},
        },
    }


def _playbook(parts: Iterable[str], facts: Path) -> list[dict[str, Any]]:
    """Return the playbooks between stand-ins for the plays before and after them."""
    read = f"(lookup('ansible.builtin.file', '{facts}') | from_json)[inventory_hostname]"
    names = ("inferfleet_plan", "inferfleet_plans", "inferfleet_node")
    given = {name: f"{{{{ {read}.{name} }}}}" for name in names} | {"cacheable": True}
    left = {"msg": "step:left:{{ inventory_hostname }}"}
    present = {"hosts": f"all:!{REMOVED}", "gather_facts": False}
    every = {"hosts": "all", "gather_facts": False}
    imports = [
        {"name": "Part", "ansible.builtin.import_playbook": str(ROOT / f"playbooks/parts/{part}.yml")} for part in parts
    ]
    return [
        {"name": "Before", **present, "tasks": [{"name": "Plan", "ansible.builtin.set_fact": given}]},
        *imports,
        {"name": "After", **every, "tasks": [{"name": "Show who is left", "ansible.builtin.debug": left}]},
    ]


def _inventory(
    services: Services, fails: dict[str, list[str]], removed: Mapping[str, Any], variables: dict[str, Any]
) -> dict[str, Any]:
    return {
        "all": {
            "hosts": {host: {} for hosts in services.values() for host in hosts},
            "vars": {
                **{"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
                **{
                    "preflight_secrets": {"engine_api_key": ""},
                    "preflight_secrets_dir": "{{ inventory_dir }}/.secrets",
                    "ray_port": 6379,
                    "x_fails": fails,
                },
                "x_servers": [
                    {"server": f"model/{members[0]}_8000", "healthy": True, "drained": False}
                    for members in services.values()
                ],
                **variables,
            },
            "children": {
                "gateway": {"hosts": {next(iter(services.values()))[0]: {}}},
                "ray_head": {"hosts": {members[0]: {} for members in services.values()}},
                "ray_worker": {"hosts": {host: {} for members in services.values() for host in members[1:]}},
                **{f"service_{name}": {"hosts": {host: {} for host in members}} for name, members in services.items()},
                **({REMOVED: {"hosts": removed}} if removed else {}),
            },
        }
    }


@dataclass(frozen=True)
class Run:
    """Result of a playbook run: exit status, output, and the steps (`name:host`) in order."""

    rc: int
    output: str
    steps: list[str]

    def hosts(self, step: str) -> set[str]:
        """Return the hosts that ran a step."""
        return {host for name, host in (item.split(":") for item in self.steps) if name == step}


def run_part(
    folder: Path,
    parts: str | Sequence[str],
    roles: dict[str, str],
    services: Services,
    fails: dict[str, list[str]],
    changes: dict[str, dict[str, Any]],
    containers: str = "",
    removed: Mapping[str, Any] | None = None,
    prefix: Sequence[str | Path] = (),
    environment: Mapping[str, str] | None = None,
    **variables: object,
) -> Run:
    """Run playbooks/parts/ of `parts` on this machine, with stand-ins for roles; `containers` are lines of `docker ls`.

    `fails` names hosts by the step that fails there, `changes` alters plans. `removed` are nodes that
    `inferfleet remove-node` takes out, with their variables. `prefix` is what the command runs in.
    """
    parts = [parts] if isinstance(parts, str) else parts
    for name, content in roles.items():
        (folder / "roles" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "roles" / name).write_text(content)
    docker = folder / "tools/docker"
    docker.parent.mkdir()
    docker.write_text(f"#!/bin/sh\nprintf '{containers}'\n")
    docker.chmod(0o755)
    plans = {name: _plan(name, hosts) | changes.get(name, {}) for name, hosts in services.items()}
    node = {"docker": bool(containers), "runnable": {"docker": True}}
    facts = {
        host: {"inferfleet_plan": plans[name], "inferfleet_plans": [*plans.values()], "inferfleet_node": node}
        for name, members in services.items()
        for host in members
    }
    (folder / "facts.json").write_text(json.dumps(facts))
    (folder / "hosts.yml").write_text(yaml.safe_dump(_inventory(services, fails, removed or {}, variables)))
    (folder / "play.yml").write_text(yaml.safe_dump(_playbook(parts, folder / "facts.json"), sort_keys=False))
    done = subprocess.run(
        [*prefix, Path(sys.executable).with_name("ansible-playbook"), "-i", folder / "hosts.yml", folder / "play.yml"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ
        | {"ANSIBLE_ROLES_PATH": f"{folder}/roles:{ROOT}/roles", "PATH": f"{docker.parent}:{os.environ['PATH']}"}
        | {"ANSIBLE_SHOW_CUSTOM_STATS": "1", **(environment or {})},
        check=False,
    )
    output = done.stdout + done.stderr
    return Run(done.returncode, output, re.findall(r"step:(\S+:\w+)", output))


def in_order(steps: Iterable[str]) -> list[str]:
    """Return the steps with the hosts of each in the order of their names: a task runs on all of them at once."""
    return [step for _, same in groupby(steps, lambda step: step.partition(":")[0]) for step in sorted(same)]
