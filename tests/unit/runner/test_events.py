"""The aggregation of events of real runs."""

from dataclasses import replace
from pathlib import Path

import pytest
from recording import Recorded

from inferfleet.messages import Message
from inferfleet.runner.events import Fold, fold
from inferfleet.runner.result import ChangedTask, Failure, State
from inferfleet.runner.stages import planned_roles

pytestmark = pytest.mark.slow  # runs ansible-playbook


@pytest.fixture
def planned(checkout: Path) -> dict[str, list[str]]:
    return planned_roles(checkout / "site.yml")


def test_stages_are_roles_in_run_order(site_run: Recorded) -> None:
    assert [(stage.name, stage.state) for stage in site_run.result.stages] == [
        ("first", State.CHANGED),
        ("second", State.FAILED),
        ("End", State.OK),  # a play without roles goes by its own name
    ]


def test_tasks_outside_of_roles_belong_to_the_role_of_their_play(site_run: Recorded) -> None:
    names = {event["event_data"].get("name") for event in site_run.events if "event_data" in event}
    assert "Run a task outside of any role" in names
    assert "Work" not in [stage.name for stage in site_run.result.stages]


def test_without_a_plan_tasks_before_any_role_belong_to_the_play(site_run: Recorded) -> None:
    assert list(fold(site_run.events).stages) == ["Work", "first", "second", "End"]


def test_changes_have_host_stage_and_task(site_run: Recorded) -> None:
    assert site_run.result.changed_tasks == (ChangedTask("one", "first", "Change one"),)


def test_only_final_failures_are_reported(site_run: Recorded) -> None:
    """Neither the rescued nor the ignored one; and not lost because `always` ran after it."""
    assert site_run.result.failures == (
        Failure(
            "two",
            "second",
            "Check that every port is free",
            Message("", "Port 8000 is taken. Set engine_port to another one."),
        ),
    )


def test_hosts_have_their_own_state_and_time(site_run: Recorded) -> None:
    first, second, _ = site_run.result.stages
    assert {name: host.state for name, host in first.hosts.items()} == {"one": State.CHANGED, "two": State.OK}
    assert {name: host.state for name, host in second.hosts.items()} == {"one": State.OK, "two": State.FAILED}
    assert 0 < first.hosts["one"].seconds <= first.seconds + 0.01
    assert sum(stage.seconds for stage in site_run.result.stages) <= site_run.result.seconds


def test_result_of_set_stats_is_returned(site_run: Recorded) -> None:
    assert site_run.result.result == {"model": "tiny-r1"}
    assert site_run.result.complete


def test_progress_is_shown_while_a_task_is_retried(site_run: Recorded, planned: dict[str, list[str]]) -> None:
    state = Fold(planned)
    seen = []
    for event in site_run.events:
        state.add(event)
        if event["event"] == "runner_retry" and event["event_data"]["host"] == "one":
            seen.append(state.stages["first"].hosts["one"].progress)
    first, second = seen
    assert (first.done, first.total, first.unit, str(first.text)) == (100, 300, "bytes", "shard 1")
    assert first.rate is None  # a rate needs two readings
    assert second.rate > 0
    assert second.seconds_left == pytest.approx(100 / second.rate)
    assert state.stages["first"].hosts["one"].progress is None  # the stage is over


def test_rescued_failure_is_cleared_during_the_run(site_run: Recorded, planned: dict[str, list[str]]) -> None:
    state = Fold(planned)
    states = []
    for event in site_run.events:
        state.add(event)
        task = event.get("event_data", {}).get("task")
        if event["event"] in ("runner_on_failed", "runner_on_ok") and task in ("Fail once", "Recover from the failure"):
            states.append(state.stages["first"].state)
    assert states[0] is State.FAILED
    assert states[-1] is State.RUNNING


def test_stages_wait_before_they_run(site_run: Recorded, planned: dict[str, list[str]]) -> None:
    until_first_task = next(
        number for number, event in enumerate(site_run.events) if event["event"] == "playbook_on_task_start"
    )
    state = fold(site_run.events[: until_first_task + 1], planned)
    assert [(stage.name, stage.state) for stage in state.stages.values()] == [
        ("first", State.RUNNING),
        ("second", State.WAITING),
    ]
    assert state.current is state.stages["first"]


def test_aborted_run_is_interrupted_in_its_stage(site_run: Recorded, planned: dict[str, list[str]]) -> None:
    recovered = max(
        number
        for number, event in enumerate(site_run.events)
        if event["event_data"].get("task") == "Recover from the failure"
    )
    result = fold(site_run.events[: recovered + 1], planned).result(rc=254, interrupted=True)
    assert [stage.state for stage in result.stages] == [State.INTERRUPTED, State.WAITING]
    assert not result.complete
    assert result.failures[0].task == "Fail once"  # Ansible did not record the rescue


def test_folding_is_deterministic(site_run: Recorded, planned: dict[str, list[str]]) -> None:
    again = fold(site_run.events, planned).result(rc=2)
    live = site_run.result
    assert replace(again, seconds=live.seconds, log=live.log) == live


def test_ansible_output_outside_tasks_is_kept_unchanged(broken_run: Recorded) -> None:
    assert "couldn't resolve module/action 'no_such_module_at_all'" in broken_run.result.output
    assert "broken.yml:5:7" in broken_run.result.output
    assert "\x1b" not in broken_run.result.output
    assert broken_run.result.tasks_run == 0


def test_component_tasks_belong_to_the_stage_of_their_role() -> None:
    run = Fold()
    roles = ["open_webui", "component_service", "container_images", "component_service", "verify"]
    stages = [run._stage_of({"role": role, "play": "Set up Open WebUI"}).name for role in roles]
    assert stages == ["open_webui", "open_webui", "container_images", "open_webui", "verify"]
    assert Fold()._stage_of({"role": "component_service", "play": "Remove the components"}).name == "component_service"


def test_hosts_of_a_run_refused_as_unreachable() -> None:
    """The playbook ignores unreachable hosts until one task, which runs once on any host, refuses the run."""
    result = {"failed": True, "inferfleet_refusal": "unreachable", "problems": [{"code": "unreachable", "message": ""}]}
    rows: list[tuple[str, str, str, dict[str, object]]] = [
        *(("runner_on_start", "facts", host, {}) for host in ("n1", "n2", "n3")),
        ("runner_on_ok", "facts", "n1", {}),
        ("runner_on_unreachable", "facts", "n2", {"unreachable": True}),
        ("runner_on_unreachable", "facts", "n3", {"unreachable": True}),
        *((f"runner_on_{event}", "more", host, {}) for event in ("start", "skipped") for host in ("n2", "n3")),
        ("runner_on_start", "refuse", "n1", {}),
        ("runner_on_failed", "refuse", "n1", result),
    ]
    events = [
        {"event": "playbook_on_task_start", "event_data": {"role": "preflight", "task_uuid": task}}
        for task in ("facts", "more", "refuse")
    ]
    events += [
        {"event": event, "event_data": {"task_uuid": task, "task": task, "host": host, "res": result}}
        for event, task, host, result in rows
    ]
    events.append({"event": "playbook_on_stats", "event_data": {"failures": {"n1": 1}, "dark": {}}})
    [stage] = fold(events).result().stages
    assert {name: host.state for name, host in stage.hosts.items()} == {
        "n1": State.OK,
        "n2": State.UNREACHABLE,
        "n3": State.UNREACHABLE,
    }
    assert stage.state is State.FAILED


def test_run_that_ends_for_a_host_that_it_ignores_names_the_host() -> None:
    """Ansible counts no failure where `any_errors_fatal` ends a run for a host with `ignore_unreachable`."""
    lost = {"task_uuid": "t", "task": "Read", "host": "n2", "res": {"unreachable": True, "msg": "No route to host"}}
    events = [
        {"event": "playbook_on_task_start", "event_data": {"role": "verify", "task_uuid": "t"}},
        {"event": "runner_on_start", "event_data": {"task_uuid": "t", "task": "Read", "host": "n2"}},
        {"event": "runner_on_unreachable", "event_data": lost},
        {"event": "playbook_on_stats", "event_data": {"failures": {}, "dark": {}, "ignored": {"n2": 1}}},
    ]
    [failure] = fold(events).result(rc=2).failures
    assert (failure.host, failure.unreachable) == ("n2", True)
    assert fold(events).result(rc=0).failures == ()


def test_refusal_of_a_rescued_task_is_none_of_the_run() -> None:
    """The replica returned to what it ran, and the task that reports this fails for good."""
    refused = {"failed": True, "inferfleet_refusal": "contract", "problems": [{"code": "inner", "message": "Inner."}]}
    final = {"failed": True, "inferfleet_refusal": "limit", "problems": [{"code": "outer", "message": "Outer."}]}
    events: list[dict[str, object]] = []
    for task, event, result in (
        ("gate", "runner_on_failed", refused),
        ("restore", "runner_on_ok", {}),
        ("report", "runner_on_failed", final),
    ):
        about = {"task_uuid": task, "task": task, "host": "n1", "res": result}
        events.append({"event": "playbook_on_task_start", "event_data": {"role": "engine_switch", "task_uuid": task}})
        events += [{"event": kind, "event_data": about} for kind in ("runner_on_start", event)]
    events.append({"event": "playbook_on_stats", "event_data": {"failures": {"n1": 1}, "rescued": {"n1": 1}}})
    result = fold(events).result()
    assert (result.refusal, [problem.code for problem in result.problems]) == ("limit", ["outer"])
