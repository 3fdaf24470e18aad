"""The JSON document of --json."""

import json
from typing import Any

from inferfleet.cli.output.view import Header
from inferfleet.messages import Problem
from inferfleet.runner.outcome import Outcome
from inferfleet.runner.result import RunResult, Stage


def document(header: Header, run: RunResult, outcome: Outcome, log: str) -> dict[str, Any]:
    """Return the document of a run; times are in seconds."""
    return {
        "command": header.command,
        "inventory": header.inventory,
        "ansible_command": header.ansible_command,
        "outcome": str(outcome),
        "exit_code": outcome.exit_code,
        "seconds": round(run.seconds, 3),
        "stages": [_stage(stage) for stage in run.stages],
        "problems": [problem.as_dict() for problem in run.problems],
        "warnings": [problem.as_dict() for problem in run.warnings],
        "failures": [
            {
                "host": failure.host,
                "stage": failure.stage,
                "task": failure.task,
                "message": failure.message.render("en"),
                "unreachable": failure.unreachable,
            }
            for failure in run.failures
        ],
        "changed_tasks": [{"host": item.host, "stage": item.stage, "task": item.task} for item in run.changed_tasks],
        "result": dict(run.result),
        "output": "" if outcome is Outcome.OK else run.output,
        "log": log,
    }


def usage_document(command: str, inventory: str, problem: Problem) -> dict[str, Any]:
    """Return the document of a command that was refused before it ran, with the same keys."""
    header = Header(command, inventory, "")
    run = RunResult(stages=(), seconds=0.0, rc=None, complete=False, tasks_run=0, problems=(problem,))
    return document(header, run, Outcome.BAD_INPUT, "")


def to_text(content: dict[str, Any]) -> str:
    """Return the document as text."""
    return json.dumps(content, indent=2, ensure_ascii=False, default=str)


def _stage(stage: Stage) -> dict[str, Any]:
    return {
        "name": stage.name,
        "title": stage.title,
        "state": str(stage.state),
        "seconds": round(stage.seconds, 3),
        "changed": stage.changed,
        "hosts": {
            name: {"state": str(host.state), "seconds": round(host.seconds, 3), "changed": host.changed}
            for name, host in stage.hosts.items()
        },
    }
