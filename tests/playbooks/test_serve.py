"""playbooks/parts/serve.yml with several services: the real role engine_switch, stand-ins for the others."""

import json
from pathlib import Path
from typing import Any

import pytest
from stand_ins import SERVE_ROLES, STEP, Run, Services, in_order, run_part

_ROLES = {
    **SERVE_ROLES,
    "ray_cluster/tasks/main.yml": STEP.format(step="ray", when="true")
    + STEP.format(step="ray-wait", when="inventory_hostname in groups['ray_head'] and ray_cluster_wait"),
    "inference_engine/tasks/wait.yml": STEP.format(step="wait", when="inventory_hostname in groups['ray_head']"),
    "gpustack/tasks/start.yml": STEP.format(step="gpustack", when="true"),
    **{f"evaluate/tasks/{name}.yml": STEP.format(step=f"evaluate-{name}", when="true") for name in ("plan", "install")},
    "evaluate/tasks/main.yml": STEP.format(step="evaluate", when="true"),
    "bench/tasks/plan.yml": STEP.format(step="bench-plan", when="true"),
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
    "verify/tasks/replica.yml": STEP.format(step="verify", when="true"),
    "gateway/tasks/drain_for_roll.yml": STEP.format(step="drain", when="true"),
    "gateway/tasks/undrain_after_roll.yml": STEP.format(step="undrain", when="true"),
}


def _run(
    folder: Path, services: Services, fails: dict[str, list[str]], changes: dict[str, dict[str, Any]], **variables: Any
) -> Run:
    return run_part(folder, "serve", _ROLES, services, fails, changes, **variables)


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
    names = ("drain", "start", "wait", "verify", "undrain")
    steps = in_order(step for step in rolled.steps if step.partition(":")[0] in names)
    first = [f"{step}:{host}" for step in ("drain", "start") for host in ("a1", "a2")]
    first += ["wait:a1", *(f"{step}:{host}" for step in ("verify", "undrain") for host in ("a1", "a2"))]
    assert steps[: len(first)] == first
    assert steps[len(first) :] == [f"{step}:b1" for step in names]


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
    names = ("verify", "evaluate", "undrain")
    steps = in_order(step for step in of_first if step.partition(":")[0] in names)
    assert steps == ["verify:a1", "verify:a2", "evaluate:a1", "undrain:a1", "undrain:a2"]


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
