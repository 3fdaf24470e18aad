"""The summary, for results that are rare in real runs."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from inferfleet.cli.commands import doctor, status, up
from inferfleet.cli.output.junit import report
from inferfleet.cli.output.row import Row
from inferfleet.cli.output.summary import summarize
from inferfleet.cli.output.text import duration, progress_parts
from inferfleet.cli.registry import Command
from inferfleet.components import inventory_variable
from inferfleet.messages import Message, Problem
from inferfleet.runner.outcome import Outcome
from inferfleet.runner.outcome import outcome as outcome_of
from inferfleet.runner.result import ChangedTask, Failure, HostRun, Progress, RunResult, Stage, State

HOME = Path("/srv/fleet")
UP, STATUS = up.COMMAND, status.COMMAND


def finished(**fields: Any) -> RunResult:
    base = {"stages": (), "seconds": 61.0, "rc": 0, "complete": True, "tasks_run": 3}
    return RunResult(**(base | fields))


def rows(run: RunResult, outcome: Outcome, command: Command = UP, *, check: bool = False) -> list[Row]:
    about = {"again": "inferfleet up -i x", "inventory": "x", "check": check, "log": "log"}
    summary = summarize(command, run, outcome, cwd=HOME, **about)
    return [row for block in summary.blocks for row in block]


def test_same_failure_on_many_hosts_is_listed_once() -> None:
    failures = tuple(
        Failure(f"node{n}", "model_weights", "Download", Message("", "No space left on device")) for n in (1, 2, 3)
    )
    summary_rows = rows(finished(failures=failures, rc=2), Outcome.FAILED)
    assert summary_rows[:3] == [
        Row("hosts", "node1, node2, node3"),
        Row("task", "Model weights: Download"),
        Row("error", "No space left on device", "bad"),
    ]


def test_long_list_of_changes_is_truncated() -> None:
    changed = tuple(ChangedTask("node1", "verify", f"Task {n}") for n in range(25))
    summary_rows = rows(finished(changed_tasks=changed), Outcome.CHANGES_DETECTED)
    assert len([row for row in summary_rows if row.label == "changed"]) == 20
    assert Row("", "and 5 more tasks") in summary_rows


def test_interrupted_run_shows_the_next_step() -> None:
    summary_rows = rows(finished(interrupted=True, rc=254), Outcome.INTERRUPTED)
    assert summary_rows[0] == Row("next", "Run `inferfleet up` again: it continues where this run stopped.")


def test_status_shows_drained_replicas_and_how_to_use_them_again() -> None:
    replica = {"replica": "replica-1", "model": "r1", "healthy": True, "drained": False, "requests": 2}
    other = replica | {"replica": "replica-2", "drained": True, "requests": 1}
    result = {"replicas": {"node1": [replica, other], "node2": None}}
    shown = rows(finished(result=result), Outcome.OK, STATUS)
    assert [row.label for row in shown if row.label.startswith("replica")] == ["replica-2"]
    assert any("inferfleet drain replica-2 --undo" in row.text for row in shown)
    for states in ({"node1": [replica]}, {}, None):
        shown = rows(finished(result={"replicas": states}), Outcome.OK, STATUS)
        assert not any("drain" in f"{row.label} {row.text}" for row in shown)


def test_nodes_that_another_run_changes_are_no_invalid_configuration() -> None:
    run = finished(refusal="busy", problems=(Problem("busy", "no", "Wait."),), rc=2)
    about = {"again": "inferfleet up -i x", "inventory": "x", "check": False, "log": "log"}
    assert outcome_of(run) is Outcome.BAD_INPUT
    summary = summarize(UP, run, Outcome.BAD_INPUT, cwd=HOME, **about)
    assert summary.heading == "Another run is changing the nodes · 1m 01s"


NEXT = "Fix the error, then run the same command again: it continues where it stopped."


@pytest.mark.parametrize(
    ("fields", "outcome", "step"),
    [
        ({"rc": 1, "tasks_run": 0, "output": "ERROR! no such vault"}, Outcome.BAD_INPUT, "inferfleet check -i x"),
        ({"rc": 2, "problems": (Problem("refused", "no", ""),)}, Outcome.BAD_INPUT, "inferfleet check -i x"),
        ({"rc": 2, "problems": (Problem("no-fp8", "no", ""),)}, Outcome.REQUIREMENTS_NOT_MET, "inferfleet check -i x"),
        ({"rc": 0, "tasks_run": 0}, Outcome.BAD_INPUT, "check --tags, --skip-tags and --limit"),
        ({"rc": 4}, Outcome.UNREACHABLE, "ansible_host, ansible_user and SSH key"),
        ({"rc": 250}, Outcome.FAILED, f"Find the cause with `inferfleet doctor -i x`. {NEXT}"),
        ({"changed_tasks": (ChangedTask("n", "verify", "T"),)}, Outcome.CHANGES_DETECTED, "--assert-no-change --diff"),
    ],
)
def test_every_failure_ends_with_a_next_step(fields: dict[str, Any], outcome: Outcome, step: str) -> None:
    steps = [row.text for row in rows(finished(**fields), outcome) if row.label in ("next", "remedy")]
    assert len(steps) == 1
    assert step in steps[0]


def test_remedy_of_a_problem_is_the_next_step() -> None:
    summary_rows = rows(finished(rc=2, problems=(Problem("no-fp8", "no", "Do this."),)), Outcome.REQUIREMENTS_NOT_MET)
    assert [row.label for row in summary_rows] == ["problem", "remedy"]


@pytest.mark.parametrize(
    ("known", "step"), [(True, NEXT), (False, f"Find the cause with `inferfleet doctor -i x`. {NEXT}")]
)
def test_doctor_is_the_next_step_of_an_unexplained_failure(known: bool, step: str) -> None:
    failure = Failure("node1", "verify", "T", Message("", "raw"), has_remedy=known)
    assert Row("next", step) in rows(finished(failures=(failure,), rc=2), Outcome.FAILED)


def test_doctor_does_not_recommend_itself() -> None:
    failure = Failure("node1", "doctor", "T", Message("", "raw"))
    assert Row("next", NEXT) in rows(finished(failures=(failure,), rc=2), Outcome.FAILED, doctor.COMMAND)


@pytest.mark.parametrize(
    ("key", "try_it"),
    [
        (
            "/srv/fleet/.secrets/engine_api_key",
            "sed 's/^/Authorization: Bearer /' .secrets/engine_api_key | curl -H @- http://h/v1/models",
        ),
        ("engine_api_key of the inventory", ""),
        (inventory_variable("engine_api_key"), ""),
    ],
)
def test_suggested_request_needs_a_key_file(key: str | dict[str, Any], try_it: str) -> None:
    result = {"model": "r1", "endpoints": [{"name": "API", "url": "http://h/v1"}], "api_key_file": key}
    summary = summarize(UP, finished(result=result), Outcome.OK, again="", inventory="x", check=False, log="", cwd=HOME)
    assert summary.try_it == try_it
    assert summary.heading == "r1 is serving · 1m 01s"


def test_suggested_request_uses_the_gateway() -> None:
    secrets = "/srv/fleet/.secrets"
    gateway = {"url": "https://h:8443/v1", "ca_file": f"{secrets}/ca.pem", "key_file": f"{secrets}/api_clients/app"}
    result = {
        "endpoints": [{"name": "API of the engine", "url": "http://h/v1"}],
        "api_key_file": "/k",
        "gateway": gateway,
    }
    summary = summarize(UP, finished(result=result), Outcome.OK, again="", inventory="x", check=False, log="", cwd=HOME)
    assert summary.try_it == (
        "sed 's/^/Authorization: Bearer /' .secrets/api_clients/app"
        " | curl --cacert .secrets/ca.pem -H @- https://h:8443/v1/models"
    )
    shown = {row.label: row.text for block in summary.blocks for row in block}
    assert list(shown) == [
        "OpenAI-compatible API",
        "CA certificate",
        "client key in",
        "API of the engine",
        "key of the engine in",
    ]
    assert shown["OpenAI-compatible API"] == "https://h:8443/v1"


def test_failed_check_affects_status_only() -> None:
    result = {"verification": [{"name": "Ray", "ok": True}, {"name": "engine", "ok": False}]}
    assert STATUS.outcome(Outcome.OK, result) is Outcome.FAILED
    assert UP.outcome(Outcome.OK, result) is Outcome.OK
    assert STATUS.outcome(Outcome.UNREACHABLE, result) is Outcome.UNREACHABLE


def test_status_reports_a_failed_check_once() -> None:
    result = {"verification": [{"name": "engine", "ok": False, "detail": "no answer"}]}
    failed = (Failure("node1", "verify", "Check the service", Message("", "engine: no answer")),)
    summary_rows = rows(finished(result=result, failures=failed, rc=2), Outcome.FAILED, STATUS)
    assert [row.label for row in summary_rows] == ["engine", "next", "log"]
    assert summary_rows[0].holds is False


def test_junit_report_of_an_interrupted_run() -> None:
    stages = (
        Stage("ray_cluster", State.INTERRUPTED, 3.0, hosts={"node1": HostRun(), "node2": HostRun(State.OK)}),
        Stage("verify"),
    )
    root = ET.fromstring(report("up", finished(stages=stages, interrupted=True, rc=254), Outcome.INTERRUPTED).encode())
    found = {(c.get("classname"), c.get("name")): [child.tag for child in c] for c in root.iter("testcase")}
    assert found == {
        ("inferfleet.ray_cluster", "node1"): ["error"],
        ("inferfleet.ray_cluster", "node2"): [],
        ("inferfleet.verify", "all"): ["skipped"],
        ("inferfleet", "up"): ["error"],
    }
    assert (root.get("tests"), root.get("errors"), root.get("skipped")) == ("4", "2", "1")


def test_junit_report_contains_no_invalid_xml_characters() -> None:
    stage = Stage("verify", State.FAILED, 1.0, hosts={"node1": HostRun(State.FAILED)})
    failure = Failure("node1", "verify", "Request a completion", Message("", "bell \x07 <tag> & \x1b[31mred"))
    root = ET.fromstring(report("up", finished(stages=(stage,), failures=(failure,), rc=2), Outcome.FAILED).encode())
    assert root.find(".//failure").get("message") == "Request a completion: bell  <tag> & [31mred"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0s"), (9.94, "9.9s"), (9.96, "10s"), (59.7, "1m 00s"), (185, "3m 05s"), (7260, "2h 01m")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("progress", "parts"),
    [
        (
            Progress(done=2.1e9, total=10.4e9, unit="bytes", rate=312e6),
            ["20%", "2.1 GB of 10.4 GB", "312.0 MB/s", "27s left"],
        ),
        (Progress(done=0, total=10.4e9, unit="bytes"), ["0 bytes of 10.4 GB"]),
        (
            Progress(done=3, total=4, unit="checks", text=Message("", "loading weights")),
            ["loading weights", "75%", "3 of 4 checks"],
        ),
        (Progress(text=Message("", "placement group is pending")), ["placement group is pending"]),
        (Progress(attempt=7), ["try 7"]),
    ],
)
def test_progress(progress: Progress, parts: list[str]) -> None:
    assert progress_parts(progress) == parts


@pytest.mark.parametrize(("tags", "hints"), [({"ray_cluster"}, 1), ({"inference_engine"}, 0)])
def test_hint_of_a_single_stage_needs_its_tag(tags: set[str], hints: int) -> None:
    run = finished(failures=(Failure("node1", "ray_cluster", "Wait", Message("", "No node")),), rc=2)
    about = {"again": "inferfleet up -i x", "inventory": "x", "check": False, "log": "log", "tags": tags}
    summary = summarize(UP, run, Outcome.FAILED, cwd=HOME, **about)
    shown = [row for block in summary.blocks for row in block]
    assert sum("--tags ray_cluster" in str(row) for row in shown) == hints
