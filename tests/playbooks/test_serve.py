"""playbooks/parts/serve.yml with several services: the real role engine_switch, stand-ins for the others."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
Services = dict[str, list[str]]

# Prints step and host, and fails on the hosts of `x_fails`.
_STEP = """\
- name: Show the step
  ansible.builtin.debug:
    msg: "step:{step}:{{{{ inventory_hostname }}}}"
  when: {when}

- name: Fail on selected hosts
  ansible.builtin.fail:
    msg: "{step} failed on {{{{ inventory_hostname }}}}."
  when: inventory_hostname in x_fails['{step}'] | default([])
"""
_ROLES = {
    "ray_cluster/tasks/main.yml": _STEP.format(step="ray", when="true")
    + _STEP.format(step="ray-wait", when="inventory_hostname in groups['ray_head'] and ray_cluster_wait"),
    "inference_engine/tasks/start.yml": _STEP.format(step="start", when="true"),
    "inference_engine/tasks/wait.yml": _STEP.format(step="wait", when="inventory_hostname in groups['ray_head']"),
    "gpustack/tasks/start.yml": _STEP.format(step="gpustack", when="true"),
    "container_images/tasks/main.yml": _STEP.format(step="image", when="true"),
    "model_weights/tasks/verify.yml": _STEP.format(step="weights", when="true"),
    **{f"supervisor/tasks/{name}.yml": _STEP.format(step=name, when="true") for name in ("hold", "main", "release")},
    **{
        f"evaluate/tasks/{name}.yml": _STEP.format(step=f"evaluate-{name}", when="true") for name in ("plan", "install")
    },
    "evaluate/tasks/main.yml": _STEP.format(step="evaluate", when="true"),
    "bench/tasks/plan.yml": _STEP.format(step="bench-plan", when="true"),
    # As bench_compare fails.
    "bench/tasks/main.yml": """
- name: Compare the benchmark
  fail_with_problem:
    code: performance-regressed
    message: Slower than {run}.
    parameters: {run: "{{ bench_baseline }}"}
    refusal: limit
  when: inventory_hostname in x_fails['bench']
""",
    "verify/tasks/replica.yml": _STEP.format(step="verify", when="true"),
    "gateway/tasks/drain_for_roll.yml": _STEP.format(step="drain", when="true"),
    "gateway/tasks/undrain_after_roll.yml": _STEP.format(step="undrain", when="true"),
    "gateway/tasks/deployed.yml": """\
- name: Read the servers
  ansible.builtin.set_fact:
    gateway_deployed_servers: {servers: "{{ x_servers }}"}
""",
}


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


def _playbook(facts: Path) -> list[dict[str, Any]]:
    """Return the playbook between stand-ins for the plays before and after it."""
    read = f"(lookup('ansible.builtin.file', '{facts}') | from_json)[inventory_hostname]"
    names = ("inferfleet_plan", "inferfleet_plans", "inferfleet_node")
    given = {name: f"{{{{ {read}.{name} }}}}" for name in names} | {"cacheable": True}
    left = {"msg": "step:left:{{ inventory_hostname }}"}
    every = {"hosts": "all", "gather_facts": False}
    return [
        {"name": "Before", **every, "tasks": [{"name": "Plan", "ansible.builtin.set_fact": given}]},
        {"name": "Serve", "ansible.builtin.import_playbook": str(ROOT / "playbooks/parts/serve.yml")},
        {"name": "After", **every, "tasks": [{"name": "Show who is left", "ansible.builtin.debug": left}]},
    ]


def _inventory(services: Services, fails: dict[str, list[str]], variables: dict[str, Any]) -> dict[str, Any]:
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
                **variables,
                "x_servers": [
                    {"server": f"model/{members[0]}_8000", "healthy": True, "drained": False}
                    for members in services.values()
                ],
            },
            "children": {
                "gateway": {"hosts": {next(iter(services.values()))[0]: {}}},
                "ray_head": {"hosts": {members[0]: {} for members in services.values()}},
                "ray_worker": {"hosts": {host: {} for members in services.values() for host in members[1:]}},
                **{f"service_{name}": {"hosts": {host: {} for host in members}} for name, members in services.items()},
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


def _run(
    folder: Path,
    services: Services,
    fails: dict[str, list[str]],
    changes: dict[str, dict[str, Any]],
    **variables: object,
) -> Run:
    """Run the playbook on this machine; `fails` names hosts by the step that fails there, `changes` alters plans."""
    for name, content in _ROLES.items():
        (folder / "roles" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "roles" / name).write_text(content)
    docker = folder / "tools/docker"
    docker.parent.mkdir()
    docker.write_text("#!/bin/sh\n")
    docker.chmod(0o755)
    plans = {name: _plan(name, hosts) | changes.get(name, {}) for name, hosts in services.items()}
    node = {"docker": False, "runnable": {"docker": True}}
    facts = {
        host: {"inferfleet_plan": plans[name], "inferfleet_plans": [*plans.values()], "inferfleet_node": node}
        for name, members in services.items()
        for host in members
    }
    (folder / "facts.json").write_text(json.dumps(facts))
    (folder / "hosts.yml").write_text(yaml.safe_dump(_inventory(services, fails, variables)))
    (folder / "play.yml").write_text(yaml.safe_dump(_playbook(folder / "facts.json"), sort_keys=False))
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", folder / "hosts.yml", folder / "play.yml"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ
        | {"ANSIBLE_ROLES_PATH": f"{folder}/roles:{ROOT}/roles", "PATH": f"{docker.parent}:{os.environ['PATH']}"},
        check=False,
    )
    output = done.stdout + done.stderr
    return Run(done.returncode, output, re.findall(r"step:(\S+:\w+)", output))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Four services: one healthy, one that does not start, one that does not respond, one without HTTP."""
    services = {"good": ["a1", "a2"], "broken": ["b1", "b2"], "silent": ["c1"], "demo": ["d1"]}
    fails = {"ray": ["b2"], "wait": ["c1"]}
    changes = {"demo": {"protocol": "none", "engine": "deepseek-infer"}}
    return _run(tmp_path_factory.mktemp("mixed"), services, fails, changes)


def test_all_services_start_before_waiting_for_any(mixed: Run) -> None:
    places = {
        step: [at for at, item in enumerate(mixed.steps) if item.startswith(step)] for step in ("start:", "wait:")
    }
    assert mixed.hosts("start") >= {"a1", "a2", "c1"}
    assert mixed.hosts("wait") >= {"a1"}
    assert max(places["start:"]) < min(places["wait:"])


def test_a_service_that_does_not_start_stops_no_other(mixed: Run) -> None:
    assert mixed.rc == 2, mixed.output
    assert "ray failed on b2." in mixed.output
    assert mixed.hosts("ray-wait") == {"a1", "c1"}  # not for the cluster that cannot be complete
    assert not mixed.hosts("wait") & {"b1", "b2"}


def test_a_service_that_does_not_respond_stops_no_other(mixed: Run) -> None:
    assert "wait failed on c1." in mixed.output
    assert mixed.hosts("left") == {"a1", "a2", "d1"}


def test_a_service_without_http_is_skipped(mixed: Run) -> None:
    assert "d1" not in mixed.hosts("start")
    assert mixed.output.count("deepseek-infer does not serve HTTP") == 1


def test_the_run_ends_if_every_service_fails(tmp_path: Path) -> None:
    run = _run(tmp_path, {"one": ["a1"], "two": ["b1"]}, {"start": ["a1", "b1"]}, {})
    assert run.rc == 2, run.output
    assert run.hosts("wait") == run.hosts("left") == set()


@pytest.fixture(scope="module")
def rolled(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Three replicas of a model that a roll drained which was interrupted; the second one gives a wrong answer."""
    folder = tmp_path_factory.mktemp("rolled")
    services = {"one": ["a1", "a2"], "two": ["b1"], "three": ["c1"]}
    (folder / ".releases").mkdir()
    (folder / ".releases/unfinished.json").write_text(json.dumps({"drained": ["a1_8000", "b1_8000", "c1_8000"]}))
    return _run(
        folder,
        services,
        {"verify": ["b1"]},
        {name: {"served_model_name": "m"} for name in services},
        engine_switch_evaluate=True,
    )


def test_replicas_are_replaced_one_after_another(rolled: Run) -> None:
    steps = [step for step in rolled.steps if step.partition(":")[0] in ("drain", "start", "wait", "verify", "undrain")]
    first = [f"{step}:{host}" for step in ("drain", "start") for host in ("a1", "a2")]
    first += ["wait:a1", *(f"{step}:{host}" for step in ("verify", "undrain") for host in ("a1", "a2"))]
    assert steps[: len(first)] == first
    assert steps[len(first) :] == [f"{step}:b1" for step in ("drain", "start", "wait", "verify", "undrain")]


def test_first_failure_stops_the_roll(rolled: Run) -> None:
    assert rolled.rc == 2, rolled.output
    assert "verify failed on b1." in rolled.output
    assert "The replicas that follow in the roll were not changed." in rolled.output
    assert rolled.hosts("left") == set()


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two replicas that a roll replaces, of which the second one is slower than the earlier benchmark."""
    folder = tmp_path_factory.mktemp("gated")
    services = {"one": ["a1", "a2"], "two": ["b1"]}
    (folder / ".releases").mkdir()
    (folder / ".releases/unfinished.json").write_text(json.dumps({"drained": ["a1_8000", "b1_8000"]}))
    gates = {"engine_switch_compare_with": "/runs/before", "engine_switch_evaluate": True}
    changes = {name: {"served_model_name": "m"} for name in services}
    return _run(folder, services, {"bench": ["b1"]}, changes, engine_switch_stopped=True, **gates)


def test_gates_are_checked_before_the_first_replica_is_drained(gated: Run) -> None:
    checks = {f"{step}:{host}" for step in ("bench-plan", "evaluate-plan", "evaluate-install") for host in ("a1", "b1")}
    assert checks < {*gated.steps[: gated.steps.index("drain:a1")]}


def test_gates_follow_the_verification_of_a_replica_and_precede_its_use(gated: Run) -> None:
    of_first = [step for step in gated.steps if step.endswith((":a1", ":a2"))]
    after = of_first[of_first.index("verify:a2") + 1 :]
    assert after[:3] == ["evaluate:a1", "undrain:a1", "undrain:a2"]


def test_replica_that_does_not_pass_a_gate_stops_the_roll(gated: Run) -> None:
    assert gated.rc == 2, gated.output
    assert gated.hosts("evaluate") == {"a1"}
    assert gated.steps[-1] == "undrain:b1"
    last = gated.output.rpartition("fatal: [b1]")[2]
    assert "Slower than /runs/before." in last
    assert "The replicas that follow in the roll were not changed." in last
    assert "inferfleet_refusal: limit" in last


def test_containers_that_are_not_replaced_are_not_measured(rolled: Run) -> None:
    assert rolled.hosts("evaluate") == set()
