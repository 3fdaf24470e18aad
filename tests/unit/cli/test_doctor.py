"""`inferfleet doctor`: output and exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from inferfleet.cli import app
from inferfleet.cli.commands.doctor import COMMAND, diagnosis_blocks
from inferfleet.doctor import diagnose, load_symptoms, read_evidence
from inferfleet.messages import use_language
from inferfleet.runner.outcome import Outcome

LOGS = Path(__file__).parents[2] / "fixtures/doctor"


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["doctor", *arguments])


def finding(severity: str, *, now: bool = True, name: str = "some-symptom") -> dict[str, Any]:
    words = dict.fromkeys(("title", "cause", "check", "remedy"), "Something.")
    trace = {"where": "state", "text": "it is so", "at": None, "line": 0}
    finding_data = {"id": name, "severity": severity, "now": now, "node": "n1", "count": 1, "evidence": [trace]}
    return finding_data | words | {"sources": ["https://example.com"]}


def test_unexplained_errors_are_a_warning_at_least() -> None:
    line = {"node": "n1", "where": "x.log", "text": "x", "line": 1, "at": None, "count": 1}
    assert COMMAND.outcome(Outcome.OK, {"doctor": {"findings": [], "unexplained": [line]}}) is Outcome.WARNINGS
    both = {"findings": [finding("error")], "unexplained": [line]}
    assert COMMAND.outcome(Outcome.OK, {"doctor": both}) is Outcome.FAILED


@pytest.mark.parametrize(
    ("findings", "outcome", "code"),
    [
        ([], Outcome.OK, 0),
        ([finding("warning")], Outcome.WARNINGS, 7),
        ([finding("warning"), finding("error")], Outcome.FAILED, 2),
        ([finding("error", now=False)], Outcome.OK, 0),
        ([finding("error"), finding("error", name="node-unreachable")], Outcome.UNREACHABLE, 4),
    ],
)
def test_highest_severity_decides_the_outcome(findings: list[dict[str, Any]], outcome: Outcome, code: int) -> None:
    reached = COMMAND.outcome(Outcome.OK, {"doctor": {"findings": findings}})
    assert (reached, reached.exit_code) == (outcome, code)


def test_failed_run_remains_failed() -> None:
    assert COMMAND.outcome(Outcome.FAILED, {"doctor": {"findings": []}}) is Outcome.FAILED
    assert COMMAND.outcome(Outcome.OK, {}) is Outcome.OK


def test_resolved_findings_have_one_line_each() -> None:
    diagnosis = {"findings": [finding("error"), finding("error", now=False)], "analyzed": {"logs": 1, "lines": 2}}
    there, past, looked = diagnosis_blocks(diagnosis)
    assert [row.label for row in there] == ["error", "seen in", "evidence", "cause", "check", "remedy", "source"]
    assert [row.text for row in past] == ["Something., on n1"]
    assert looked[0].label == "analyzed"
    assert COMMAND.heading(Outcome.FAILED, {"doctor": diagnosis}) == "1 error found"
    assert diagnosis_blocks("nonsense") == []


def test_foreign_logs_are_diagnosed_without_an_inventory() -> None:
    result = run("--logs", str(LOGS / "recorded/kv_cache_too_small.log"))
    assert result.exit_code == 2
    assert "1 error found" in result.stdout
    assert "The KV cache is smaller than one sequence" in result.stdout
    assert "remedy: Lower max_model_len" in result.stdout


def test_logs_with_warnings_only() -> None:
    assert run("--logs", str(LOGS / "quoted/fp8_weight_only_on_a800.log")).exit_code == 7


def test_unexplained_errors_are_shown_and_not_ok(tmp_path: Path) -> None:
    (tmp_path / "n1").mkdir()
    (tmp_path / "n1/inferfleet-engine.log").write_text("quiet\n" + "RuntimeError: something new\n" * 2)
    result = run("--logs", str(tmp_path))
    assert result.exit_code == 7
    assert "WARNING: 1 unexplained error found" in result.stdout
    place = "(inferfleet-engine.log, line 3, on n1, 2 times)"
    assert f"unexplained: RuntimeError: something new {place}" in result.stdout
    (line,) = json.loads(run("--logs", str(tmp_path), "--json").stdout)["result"]["doctor"]["unexplained"]
    assert (line["node"], line["where"], line["line"], line["count"]) == ("n1", "inferfleet-engine.log", 3, 2)


def test_further_unexplained_errors_are_counted() -> None:
    line = {"node": "", "where": "x.log", "text": "ValueError: x", "line": 1, "at": None, "count": 1}
    diagnosis = {"findings": [finding("error")], "unexplained": [line], "unlisted": 4}
    block = diagnosis_blocks(diagnosis)[1]
    assert [row.text for row in block[:2]] == ["ValueError: x (x.log, line 1)", "4 unexplained errors"]
    assert COMMAND.heading(Outcome.FAILED, {"doctor": diagnosis}) == "1 error, 5 unexplained errors found"


def test_json_document_has_the_common_form() -> None:
    result = run("--logs", str(LOGS / "recorded/port_taken.log"), "--json")
    document = json.loads(result.stdout)
    assert (document["command"], document["outcome"], document["exit_code"]) == ("doctor", "failed", 2)
    assert document["result"]["doctor"]["findings"][0]["id"] == "port-in-use"
    assert document["result"]["doctor"]["worst"] == "error"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "Neither an inventory nor logs are given"),
        (["--logs", "/nowhere"], "File or folder /nowhere does not exist"),
        (["--logs", str(LOGS), "--since", "soon"], "Option --since is 'soon'"),
        (["--logs", str(LOGS), "--since", "0"], "Option --since is '0'"),
    ],
)
def test_wrong_usage_is_refused(arguments: list[str], text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INFERFLEET_INVENTORY", raising=False)
    result = run(*arguments)
    assert result.exit_code == 1
    assert text in result.stderr


def test_diagnosis_is_printed_in_chinese() -> None:
    use_language("zh")
    try:
        (block, _) = diagnosis_blocks(
            diagnose(read_evidence(LOGS / "recorded/port_taken.log"), load_symptoms()).as_dict()
        )
    finally:
        use_language("en")
    text = {row.label: row.text for row in block}
    assert text["原因"] == "其他程序，或未结束的旧推理引擎或 Ray，正在监听所需的端口。"
    assert block[0].text.startswith("端口被其他程序占用")
