"""Generate docs/en/json.md: the document of `--json`, from the code that writes it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inferfleet.cli.output.document import document, to_text
from inferfleet.cli.output.view import Header
from inferfleet.messages import Message, Problem
from inferfleet.runner.outcome import Outcome
from inferfleet.runner.result import ChangedTask, Failure, HostRun, RunResult, Stage, State

TARGET = Path(__file__).resolve().parents[1] / "docs" / "en" / "json.md"
_HEAD = """\
# JSON output

    inferfleet up -i inventories/mine --json | jq .outcome

Each command with `--json` prints one document to stdout and everything else to stderr. Its texts are English, whatever
`--lang` is. This page is generated from `src/inferfleet/cli/output/document.py` by `make references`.

## Document of a run

| Key | Type | Content |
|---|---|---|
"""
_KEYS = {
    "command": "the verb",
    "inventory": "the value of `-i`",
    "ansible_command": "the equivalent command of Ansible",
    "outcome": "`ok`, `failed`, …: see [Exit codes](exit-codes.md)",
    "exit_code": "the same as a number",
    "seconds": "duration of the run",
    "stages": "stages in their order; `state` is {states}. That of a host is one of these",
    "problems": "why a run was rejected: `code` is stable, `template` and `parameters` are the message as data",
    "warnings": "the same fields; the run continued",
    "failures": "tasks that failed, and hosts that do not answer (`unreachable`)",
    "changed_tasks": "tasks that changed something on a host",
    "result": "what the command found; see below",
    "output": "Ansible's own output, if it could not start or failed",
    "log": "file with Ansible's complete output",
}
_TYPES = {str: "text", int: "integer", float: "number", list: "list", dict: "map"}
_RESULT = """\

## Result of a command

| Command | `result` has |
|---|---|
| `up`, `upgrade`, `scale`, `status` | `endpoints`, `model`, `api_key_file`, `gateway`, `webui`, `verification` |
| the same, with several services or replicas | `services.NAME` with these keys |
| `weights pull`, `verify`, `list` | `weights` |
| `fabric` | `fabric`: every pair, size and rank |
| `bench`, `evaluate` | `bench`, `evaluation`: as in their [files](benchmark.md#output-files) |
| `doctor` | `doctor`: [findings with evidence](troubleshooting.md#output-files) |

`plan`, `estimate` and `check` print the plan itself, with `problems` and `warnings`; `init` prints
`files` or `examples`.

## Progress

`--progress json` writes one object a line to stderr while a command runs, also without `--json`:

    inferfleet weights pull -i inventories/mine --progress json 2> progress.jsonl
"""


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield the generated file with its content."""
    example = document(_header(), _run(), Outcome.FAILED, ".cache/inferfleet/runs/2026-01-31T12-00-00/stdout")
    rows = "\n".join(_row(key, value) for key, value in example.items())
    yield TARGET, f"{_HEAD}{rows}\n\nA document of a failed run:\n\n```json\n{to_text(example)}\n```\n{_RESULT}"


def _row(key: str, value: Any) -> str:
    states = ", ".join(f"`{state}`" for state in State)
    return f"| `{key}` | {_TYPES[type(value)]} | {_KEYS[key].format(states=states)} |"


def _header() -> Header:
    return Header("up", "inventories/mine", "ansible-playbook site.yml -i inventories/mine")


def _run() -> RunResult:
    hosts = {"node1": HostRun(State.FAILED, 11.8, 1)}
    return RunResult(
        stages=(Stage("model_weights", State.FAILED, 12.1, hosts=hosts),),
        seconds=31.4,
        rc=2,
        complete=True,
        tasks_run=120,
        problems=(),
        warnings=(Problem("slow-port", "Port {port} is slow.", "Use another port.", port="mlx5_0:1"),),
        failures=(Failure("node1", "model_weights", "Download the weights", Message("", "No space left on device")),),
        changed_tasks=(ChangedTask("node1", "model_weights", "Create the folder of the weights"),),
    )
