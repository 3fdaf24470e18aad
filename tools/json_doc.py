"""Generate json.md in both languages: the document of `--json`, from the code that writes it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.headings import translated_heading

from inferfleet.cli.output.document import document, to_text
from inferfleet.cli.output.view import Header
from inferfleet.messages import N_, Message, Problem, gettext
from inferfleet.runner.outcome import Outcome
from inferfleet.runner.result import ChangedTask, Failure, HostRun, RunResult, Stage, State

DOCS = Path(__file__).resolve().parents[1] / "docs"
_TITLE = N_("JSON output")
_EXAMPLE = "    inferfleet up -i inventories/mine --json | jq .outcome"
_ORIGIN = N_("""\
Each command with `--json` prints one document to stdout and everything else to stderr. Its texts are English, whatever
`--lang` is. This page is generated from `src/inferfleet/cli/output/document.py` by `make references`.""")
_DOCUMENT, _RESULTS, _PROGRESS = N_("Document of a run"), N_("Result of a command"), N_("Progress")
_KEY_COLUMNS = (N_("Key"), N_("Type"), N_("Content"))
_KEYS = {
    "command": N_("the verb"),
    "inventory": N_("the value of `-i`"),
    "ansible_command": N_("the equivalent command of Ansible"),
    "outcome": N_("`ok`, `failed`, …: see [Exit codes](exit-codes.md)"),
    "exit_code": N_("the same as a number"),
    "seconds": N_("duration of the run"),
    "stages": N_("stages in their order; `state` is {states}. That of a host is one of these"),
    "problems": N_("why a run was rejected: `code` is stable, `template` and `parameters` are the message as data"),
    "warnings": N_("the same fields; the run continued"),
    "failures": N_("tasks that failed, and hosts that do not answer (`unreachable`)"),
    "changed_tasks": N_("tasks that changed something on a host"),
    "result": N_("what the command found; see below"),
    "output": N_("Ansible's own output, if it could not start or failed"),
    "log": N_("file with Ansible's complete output"),
}
_TYPES = {str: N_("text"), int: N_("integer"), float: N_("number"), list: N_("list"), dict: N_("map")}
_FAILED_RUN = N_("A document of a failed run:")
_RESULT_COLUMNS = (N_("Command"), N_("`result` has"))
_RESULT_ROWS = (
    (
        "`up`, `upgrade`, `scale`, `status`",
        "`endpoints`, `model`, `api_key_file`, `gateway`, `webui`, `verification`",
    ),
    (N_("the same, with several services or replicas"), N_("`services.NAME` with these keys")),
    ("`weights pull`, `verify`, `list`", "`weights`"),
    ("`fabric`", N_("`fabric`: every pair, size and rank")),
    ("`bench`, `evaluate`", N_("`bench`, `evaluation`: as in their [files](benchmark.md#output-files)")),
    ("`doctor`", N_("`doctor`: [findings with evidence](troubleshooting.md#output-files)")),
)
_OTHERS = N_("""\
`plan`, `estimate` and `check` print the plan itself, with `problems` and `warnings`; `init` prints
`files` or `examples`.""")
_PROGRESS_NOTE = N_("`--progress json` writes one object a line to stderr while a command runs, also without `--json`:")
_PROGRESS_EXAMPLE = "    inferfleet weights pull -i inventories/mine --progress json 2> progress.jsonl"


def outputs() -> Iterator[tuple[Path, str]]:
    """Yield each generated page with its content."""
    for language in ("en", "zh"):
        yield DOCS / language / "json.md", render(language)


def render(language: str) -> str:
    """Return the page in a language."""
    example = document(_header(), _run(), Outcome.FAILED, ".cache/inferfleet/runs/2026-01-31T12-00-00/stdout")
    title, origin, failed, others, note = (
        gettext(text, language) for text in (_TITLE, _ORIGIN, _FAILED_RUN, _OTHERS, _PROGRESS_NOTE)
    )
    lines = [
        *(f"# {title}", "", _EXAMPLE, "", origin, "", translated_heading(2, _DOCUMENT, language), ""),
        *_table(_KEY_COLUMNS, language),
        *(_row(key, value, language) for key, value in example.items()),
        *("", failed, "", "```json", to_text(example), "```", ""),
        *(translated_heading(2, _RESULTS, language), "", *_table(_RESULT_COLUMNS, language)),
        *(f"| {' | '.join(gettext(cell, language) for cell in row)} |" for row in _RESULT_ROWS),
        *("", others, "", translated_heading(2, _PROGRESS, language), "", note, "", _PROGRESS_EXAMPLE, ""),
    ]
    return "\n".join(lines)


def _table(columns: tuple[str, ...], language: str) -> list[str]:
    return [f"| {' | '.join(gettext(column, language) for column in columns)} |", "|---" * len(columns) + "|"]


def _row(key: str, value: Any, language: str) -> str:
    states = {"en": ", ", "zh": "、"}[language].join(f"`{state}`" for state in State)
    content = gettext(_KEYS[key], language).format(states=states)
    return f"| `{key}` | {gettext(_TYPES[type(value)], language)} | {content} |"


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
