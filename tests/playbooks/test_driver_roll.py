"""playbooks/parts/prepare.yml with another driver under running replicas: each is drained and stops for it."""

from pathlib import Path
from typing import Any

import pytest
from stand_ins import DEPLOYED_SERVERS, STEP, Run, in_order, run_part

_ROLES = {
    **{f"{name}/tasks/main.yml": STEP.format(step=name, when="true") for name in ("node_baseline", "node_firewall")},
    "container_runtime/tasks/main.yml": STEP.format(step="runtime", when="true"),
    "nvidia_driver/tasks/main.yml": STEP.format(step="driver", when="nvidia_driver_check_service | default(true)")
    + STEP.format(step="rolled-driver", when="not nvidia_driver_check_service | default(true)"),
    "nvidia_driver/tasks/due.yml": """\
- name: Record whether the driver changes
  ansible.builtin.set_fact:
    nvidia_driver_due: "{{ nvidia_driver_in_use and inventory_hostname in x_due }}"
""",
    "supervisor/tasks/control.yml": STEP.format(step="control", when="true"),
    "supervisor/tasks/start_again.yml": STEP.format(step="start", when="true"),
    "verify/tasks/replica.yml": STEP.format(step="verify", when="true"),
    "gateway/defaults/main.yml": 'gateway_rolled_replica: "{{ ansible_facts.inferfleet_plan.head }}_8000"\n',
    # One line for each gateway that is changed, as in the real role.
    "gateway/tasks/drain_for_roll.yml": STEP.format(step="drain", when="gateway_rolled_hosts | length > 0"),
    "gateway/tasks/undrain_after_roll.yml": STEP.format(step="undrain", when="gateway_rolled_hosts | length > 0"),
    **DEPLOYED_SERVERS,
}
REPLICAS = {"one": ["a1", "a2"], "two": ["b1"], "three": ["c1"]}
RUNNING = "inferfleet-engine running vllm\\n"


def change(folder: Path, fails: dict[str, list[str]], containers: str = RUNNING, **variables: Any) -> Run:
    plan = {"served_model_name": "m", "vendor": "nvidia", "supervised": True, "load_seconds": 60}
    given = {"x_due": ["a1", "a2", "b1"], "offline_bundle": ""}
    changes = dict.fromkeys(REPLICAS, plan)
    return run_part(folder, "prepare", _ROLES, REPLICAS, fails, changes, containers=containers, **given | variables)


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return change(tmp_path_factory.mktemp("changed"), {})


def test_drivers_change_replica_by_replica(changed: Run) -> None:
    assert changed.rc == 0, changed.output
    names = ("drain", "control", "rolled-driver", "start", "verify", "undrain")
    steps = [step for step in changed.steps if step.partition(":")[0] in names]
    assert in_order(steps) == [f"{name}:{host}" for hosts in (["a1", "a2"], ["b1"]) for name in names for host in hosts]


def test_all_drivers_are_checked_after_the_last_one_changed(changed: Run) -> None:
    after = changed.steps[changed.steps.index("undrain:b1") :]
    assert {step for step in after if step.startswith("driver:")} == {
        "driver:a1",
        "driver:a2",
        "driver:b1",
        "driver:c1",
    }


def test_first_failure_starts_the_replica_again_and_ends_the_run(tmp_path: Path) -> None:
    run = change(tmp_path, {"rolled-driver": ["a2"]})
    assert run.rc == 2, run.output
    after = [step for step in run.steps if step.startswith(("start:", "verify:", "undrain:", "driver:", "left:"))]
    assert in_order(after) == [f"{name}:{host}" for name in ("start", "undrain") for host in ("a1", "a2")]
    assert "rolled-driver failed on a2." in run.output.rpartition("fatal: [a1]")[2]


def test_drivers_of_nodes_without_a_service_change_at_once(tmp_path: Path) -> None:
    run = change(tmp_path, {}, containers="")
    assert run.rc == 0, run.output
    assert not {"drain", "control", "rolled-driver"} & {step.partition(":")[0] for step in run.steps}
    assert run.hosts("driver") == {"a1", "a2", "b1", "c1"}


def test_driver_of_the_only_replica_needs_a_confirmation(tmp_path: Path) -> None:
    servers = [{"server": "model/a1_8000", "healthy": True, "drained": False}]
    run = change(tmp_path, {}, x_servers=servers, engine_switch_refuse_interruption=True)
    assert run.rc == 2, run.output
    assert "does not answer while it is replaced" in run.output
    assert run.hosts("control") == set()
