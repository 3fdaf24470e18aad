"""Real runs of the commands: exit codes and output without a terminal."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from done import Done

from inferfleet.runner.stages import tags_of

pytestmark = pytest.mark.slow  # runs ansible-playbook

Command = Callable[..., Done]
DEMO = ("-i", "inventories/demo")


def without_times(text: str) -> list[str]:
    """Return the lines with every time replaced by T."""
    return [re.sub(r"\d+(\.\d)?s\b", "T", re.sub(r"\[ *\d+\.\ds\]", "[T]", line)) for line in text.splitlines()]


@pytest.fixture(scope="module")
def changing_run(inferfleet: Command, tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, ET.Element]:
    report = tmp_path_factory.mktemp("changing") / "report.xml"
    done = inferfleet(
        "up", *DEMO, "--assert-no-change", "--junit", str(report), "-e", f"demo_state={report.parent} demo_fail=warn"
    )
    return done, ET.parse(report).getroot()


@pytest.fixture(scope="module")
def quiet_run(inferfleet: Command, tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, dict[str, Any]]:
    state = tmp_path_factory.mktemp("quiet")
    variables = ["-e", f"demo_state={state}", "-e", "demo_change=false", "-e", "engine_api_key=hush"]
    done = inferfleet("up", *DEMO, "--assert-no-change", "--json", *variables)
    return done, json.loads(done.stdout)


def test_change_exits_with_code_5_and_is_listed(changing_run: tuple[Done, ET.Element]) -> None:
    done, _ = changing_run
    assert done.exit_code == 5
    assert "FAILED: Changes detected: 2 tasks changed · T" in without_times(done.stdout)
    assert "  changed: Node setup: Set what a node needs (node1, node2)" in done.stdout.splitlines()


def test_plain_lines_list_stages_in_order(changing_run: tuple[Done, ET.Element]) -> None:
    lines = without_times(changing_run[0].stdout)
    assert lines[0] == "inferfleet up inventories/demo"
    assert lines[1].startswith("$ ansible-playbook site.yml -i inventories/demo -e demo_state=")
    assert [line for line in lines if line.startswith("[T]")] == [
        "[T] Connect to hosts …",
        "[T] Connect to hosts: skipped in T",
        "[T] Preflight checks …",
        "[T] Preflight checks: ok in T",
        "[T] Node setup …",
        "[T] Node setup: changed (2 tasks) in T",
        "[T] Model weights …",
        "[T] Model weights: ok in T",
        "[T] Inference engine …",
        "[T] Inference engine: skipped in T",
        "[T] demo_verify …",
        "[T] demo_verify: ok in T",
    ]


def test_warning_is_printed_at_the_end(changing_run: tuple[Done, ET.Element]) -> None:
    lines = changing_run[0].stdout.splitlines()
    start = lines.index("  note: node2 has a network of 1 Gbit/s: the weights take 92 minutes.")
    assert lines[start + 1] == "  remedy: Use the 25 Gbit/s one if there is one."


def test_junit_report_has_a_case_per_stage_and_host(changing_run: tuple[Done, ET.Element]) -> None:
    root = changing_run[1]
    cases = {(case.get("classname"), case.get("name")) for case in root.iter("testcase")}
    assert ("inferfleet.model_weights", "node1") in cases
    assert ("inferfleet.model_weights", "node2") in cases
    assert int(root.get("tests", "")) == len(list(root.iter("testcase")))
    assert float(root.get("time", "")) > 0
    failures = {case.get("name"): case for case in root.iter("testcase") if case.find("failure") is not None}
    assert set(failures) == {"node1: Set what a node needs", "node2: Set what a node needs"}


def test_run_without_change_exits_with_code_0(quiet_run: tuple[Done, dict[str, Any]]) -> None:
    done, document = quiet_run
    assert done.exit_code == document["exit_code"] == 0
    assert document["outcome"] == "ok"
    assert document["changed_tasks"] == []
    assert {stage["name"]: stage["state"] for stage in document["stages"]} == {
        "Connect to hosts": "skipped",
        "preflight": "ok",
        "node_baseline": "ok",
        "model_weights": "ok",
        "inference_engine": "skipped",
        "open_webui": "skipped",  # its play did not reach it
        "demo_verify": "ok",
    }


def test_json_document_is_complete(quiet_run: tuple[Done, dict[str, Any]]) -> None:
    document = quiet_run[1]
    assert list(document) == [
        *("command", "inventory", "ansible_command", "outcome", "exit_code", "seconds", "stages", "problems"),
        *("warnings", "failures", "changed_tasks", "result", "output", "log"),
    ]
    assert document["command"] == "up"
    assert document["inventory"] == "inventories/demo"
    weights = next(stage for stage in document["stages"] if stage["name"] == "model_weights")
    assert weights["title"] == "Model weights"
    assert 0 < weights["hosts"]["node1"]["seconds"] <= weights["seconds"] <= document["seconds"]
    assert document["result"]["endpoints"] == [{"name": "API", "url": "http://198.18.5.11:8000/v1"}]


def test_secrets_are_masked_in_output(quiet_run: tuple[Done, dict[str, Any]]) -> None:
    done, document = quiet_run
    assert document["result"]["key_given"] is True
    assert "hush" not in done.stdout + done.stderr
    assert document["ansible_command"].endswith("-e demo_change=false -e 'engine_api_key=********'")


def test_json_mode_prints_progress_to_stderr(quiet_run: tuple[Done, dict[str, Any]]) -> None:
    stderr = quiet_run[0].stderr
    assert "Preflight checks: ok" in stderr
    assert "OK: tiny-r1 is serving" in stderr
    assert "  Completion: ok: 'What is the capital of France?' was answered 'Paris'" in stderr.splitlines()


def test_failed_task_exits_with_code_2_and_is_explained(failed_run: Done) -> None:
    assert failed_run.exit_code == 2
    lines = without_times(failed_run.stderr)
    start = lines.index("FAILED: Inference engine failed · T")
    assert lines[start + 1 : start + 4] == [
        "  host: node1",
        "  task: Inference engine: Wait until the engine responds",
        "  error: The engine did not answer within 1800 s. Raise engine_start_timeout or see its log.",
    ]
    assert any(line.startswith("  or: Only this stage: inferfleet up -i inventories/demo") for line in lines)
    assert re.search(r"^  log: \.cache/inferfleet/runs/.+/stdout$", failed_run.stderr, re.MULTILINE)


def test_failed_task_in_json_and_junit(failed_run: Done) -> None:
    document = json.loads(failed_run.stdout)
    message = "The engine did not answer within 1800 s. Raise engine_start_timeout or see its log."
    assert document["failures"] == [
        {
            "host": "node1",
            "stage": "inference_engine",
            "task": "Wait until the engine responds",
            "message": message,
            "unreachable": False,
        }
    ]
    [variables] = re.findall(r"demo_state=(\S+)", document["ansible_command"])
    root = ET.parse(Path(variables) / "report.xml").getroot()
    [case] = [case for case in root.iter("testcase") if case.find("failure") is not None]
    assert (case.get("classname"), case.get("name")) == ("inferfleet.inference_engine", "node1")
    assert case.find("failure").get("message") == f"Wait until the engine responds: {message}"
    assert root.get("failures") == "1"


def test_refused_inventory_exits_with_code_1(inferfleet: Command) -> None:
    done = inferfleet("up", *DEMO, "-e", "demo_fail=contract", "--tags", "preflight")
    assert done.exit_code == 1
    lines = without_times(done.stdout)
    assert lines[lines.index("FAILED: Configuration invalid · T") + 1 :] == [
        "  problem: tensor_paralel_size is not a key of the contract.",
        "  remedy: Write tensor_parallel_size.",
        "  problem: model_root is 'data/models', which is not absolute.",
        "  remedy: Give an absolute path such as /data/models.",
    ]


def test_unmet_requirements_exit_with_code_3(inferfleet: Command) -> None:
    done = inferfleet("up", *DEMO, "-e", "demo_fail=facts", "--tags", "preflight", "--json")
    document = json.loads(done.stdout)
    assert done.exit_code == document["exit_code"] == 3
    (problem,) = document["problems"]
    assert problem["code"] == "no-fp8"
    assert problem["message"] == "node1 has A800-80G (compute capability 8.0), which cannot compute in FP8."
    assert problem["remedy"] == "Set checkpoint to unsloth/DeepSeek-R1-BF16."
    assert document["failures"] == []
    assert [stage["name"] for stage in document["stages"]] == ["preflight"]  # tags: only what ran


def test_unreachable_host_exits_with_code_4(inferfleet: Command) -> None:
    done = inferfleet("up", *DEMO, "-e", "demo_fail=unreachable")
    assert done.exit_code == 4
    assert "  host: node3" in done.stdout.splitlines()
    assert "  error: connect to host 127.0.0.1 port 1: Connection refused" in done.stdout.splitlines()
    assert "Node setup" not in done.stdout


def test_parser_error_is_printed_unchanged(inferfleet: Command, demo: Path, tmp_path: Path) -> None:
    for name in ("playbooks", "inventories"):
        (tmp_path / name).symlink_to(demo / name)
    (tmp_path / "site.yml").write_text("- hosts: all\n  tasks:\n    - no_such_module:\n")
    done = inferfleet("up", *DEMO, cwd=tmp_path)
    assert done.exit_code == 1
    assert "[ERROR]: couldn't resolve module/action 'no_such_module'" in done.stdout
    assert f"Origin: {tmp_path}/site.yml:3:7" in done.stdout


@pytest.mark.parametrize("option", ["--tags", "--skip-tags"])
def test_unknown_tags_are_bad_input(option: str, inferfleet: Command) -> None:
    done = inferfleet("up", *DEMO, option, "model_weights,no_such_tag")
    assert done.exit_code == 1
    assert f"Option {option} has no_such_tag, which is not a tag of site.yml. Choose from " in done.stderr


def test_preflight_is_a_tag_that_cannot_be_skipped(inferfleet: Command) -> None:
    root = Path(__file__).resolve().parents[3]
    assert "preflight" in tags_of(root / "site.yml")
    done = inferfleet("up", "-i", "inventories/h800", "--skip-tags", "preflight", cwd=root)
    assert done.exit_code == 1
    assert "Option --skip-tags has preflight, which is not a tag of site.yml." in done.stderr


def test_tags_without_tasks_are_bad_input(inferfleet: Command) -> None:
    done = inferfleet("up", *DEMO, "--tags", "never")
    assert done.exit_code == 1
    assert "No task was selected: check --tags, --skip-tags and --limit." in done.stdout


def test_status_exits_with_code_2_if_a_check_fails(inferfleet: Command) -> None:
    done = inferfleet("status", *DEMO, "-e", '{"demo_fail": "webui", "demo_webui_detail": "no answer"}')
    assert done.exit_code == 2
    lines = without_times(done.stdout)
    assert "FAILED: Some checks failed · T" in lines
    assert "  Ray: ok: 2 of 2 nodes are alive" in lines
    assert "  Open WebUI: FAILED: no answer" in lines


def test_down_removes_weights_only_with_option(inferfleet: Command) -> None:
    """And -v passes on what Ansible writes, which --json sends to stderr."""
    done = inferfleet("down", *DEMO, "--weights", "--yes", "--json", "-v")
    document = json.loads(done.stdout)
    assert done.exit_code == 0
    assert document["ansible_command"] == (
        "ansible-playbook playbooks/reset.yml -i inventories/demo -e reset_weights=true"
    )
    assert document["result"]["status"]["weights_removed"] is True
    assert "TASK [Remove the weights]" in done.stderr
    assert "PLAY RECAP" in done.stderr
    assert "OK: Removed" in done.stderr


def test_json_progress_is_one_object_per_line(inferfleet: Command) -> None:
    done = inferfleet("up", *DEMO, "--json", "--progress", "json")
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {line["event"] for line in lines} == {"stage_started", "stage_ended", "progress"}
    moving = [line for line in lines if line["event"] == "progress"]
    assert {line["stage"] for line in moving} == {"model_weights"}
    assert {line["host"] for line in moving} == {"node1", "node2", None}
    node, both = moving[0], next(line for line in moving if line["host"] is None)
    assert (node["unit"], both["total"]) == ("bytes", 2 * node["total"])
    assert json.loads(done.stdout)["outcome"] == "ok"
