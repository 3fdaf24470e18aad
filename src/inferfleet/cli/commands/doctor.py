"""`inferfleet doctor`: symptoms, their cause, how to check them, and the remedy."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from inferfleet.cli.durations import seconds_of, wrong_span
from inferfleet.cli.execute import execute, refuse
from inferfleet.cli.options import RUN_PANEL, RunOptions, inventory_option, takes_run_options
from inferfleet.cli.output.document import document, to_text
from inferfleet.cli.output.print_summary import print_summary
from inferfleet.cli.output.row import Row
from inferfleet.cli.output.sections import mappings, standard_blocks
from inferfleet.cli.output.summary import summarize
from inferfleet.cli.output.text import count, shown, tr
from inferfleet.cli.output.view import Header
from inferfleet.cli.registry import Command
from inferfleet.doctor import Trace, diagnose, load_symptoms, read_evidence
from inferfleet.messages import N_, Problem, os_reason
from inferfleet.runner.outcome import Outcome
from inferfleet.runner.result import RunResult

_UNREACHABLE = "node-unreachable"
_STATE = "state"
_SEVERITIES = {"error": N_("error"), "warning": N_("warning")}
_COUNTS = {
    "error": (N_("{count} error"), N_("{count} errors")),
    "warning": (N_("{count} warning"), N_("{count} warnings")),
    "logs": (N_("{count} log"), N_("{count} logs")),
    "lines": (N_("{count} line"), N_("{count} lines")),
    "symptoms": (N_("{count} symptom"), N_("{count} symptoms")),
    "unexplained": (N_("{count} unexplained error"), N_("{count} unexplained errors")),
}


@dataclass(frozen=True, kw_only=True)
class DoctorOptions(RunOptions):
    """The shared options; logs need no inventory."""

    inventory: Annotated[
        str,
        inventory_option(N_("The cluster: a folder under inventories/, or an inventory file. Not needed for --logs.")),
    ] = ""


@takes_run_options
def doctor(
    options: DoctorOptions,
    since: Annotated[
        str,
        typer.Option(
            "--since", metavar="TIME", rich_help_panel=RUN_PANEL, help=N_("Time span of the logs to read: 30m, 1h, 2d.")
        ),
    ] = "1h",
    logs: Annotated[
        Path | None,
        typer.Option(
            "--logs",
            metavar="PATH",
            rich_help_panel=RUN_PANEL,
            help=N_("Analyze these logs instead (file or folder), without connecting to any node."),
        ),
    ] = None,
) -> None:
    """Run the playbook that diagnoses the cluster, or analyze the logs of `--logs`."""
    seconds = seconds_of(since)
    problem = None
    if seconds is None:
        problem = wrong_span(since)
    elif logs is None and not options.inventory:
        problem = Problem(
            "usage",
            N_("Neither an inventory nor logs are given."),
            N_("Specify an inventory with -i, or logs with --logs."),
        )
    elif logs is not None and not logs.exists():
        problem = Problem(
            "no-logs",
            N_("File or folder {path} does not exist."),
            N_("Specify an existing log file or folder."),
            path=str(logs),
        )
    if problem:
        refuse(problem, COMMAND.name, options)
        raise typer.Exit(Outcome.BAD_INPUT.exit_code)
    if logs is not None:
        raise typer.Exit(_offline(logs, options))
    raise typer.Exit(execute(COMMAND, options, extra_vars=[f"doctor_since={seconds}"]))


def _offline(logs: Path, options: RunOptions) -> int:
    """Analyze local logs and print the findings like those of a run."""
    start = time.monotonic()
    try:
        diagnosis = diagnose(read_evidence(logs), load_symptoms()).as_dict()
    except OSError as error:
        problem = Problem(
            "no-logs",
            N_("{path} cannot be read: {reason}."),
            N_("Make it readable, or specify other logs."),
            path=str(error.filename or logs),
            reason=os_reason(error),
        )
        refuse(problem, COMMAND.name, options)
        return Outcome.BAD_INPUT.exit_code
    run = RunResult((), time.monotonic() - start, 0, complete=True, tasks_run=1, result={"doctor": diagnosis})
    outcome = _outcome(Outcome.OK, run.result)
    if options.json:
        typer.echo(to_text(document(Header(COMMAND.name, str(logs), ""), run, outcome, "")))
    else:
        console = Console(highlight=False, emoji=False, markup=False)
        cwd = Path.cwd()
        print_summary(console, summarize(COMMAND, run, outcome, again="", inventory="", check=False, log="", cwd=cwd))
    return outcome.exit_code


def _outcome(outcome: Outcome, result: Mapping[str, Any]) -> Outcome:
    """Return the outcome of a run with these findings; a failed run stays failed."""
    diagnosis = result.get("doctor")
    if outcome is not Outcome.OK or not isinstance(diagnosis, Mapping):
        return outcome
    present = [finding for finding in mappings(diagnosis.get("findings")) if finding["now"]]
    if any(finding["id"] == _UNREACHABLE for finding in present):
        return Outcome.UNREACHABLE
    severities = {finding["severity"] for finding in present}
    if "error" in severities:
        return Outcome.FAILED
    return Outcome.WARNINGS if severities or diagnosis.get("unexplained") else Outcome.OK


def _heading(outcome: Outcome, result: Mapping[str, Any]) -> str:
    """Return the number of findings by severity and of unexplained errors; empty without any."""
    diagnosis = result.get("doctor")
    if not isinstance(diagnosis, Mapping):
        return ""
    kinds = [finding["severity"] for finding in mappings(diagnosis.get("findings")) if finding["now"]]
    kinds += ["unexplained"] * _unexplained_count(diagnosis)
    parts = [count(kinds.count(kind), *_COUNTS[kind]) for kind in _COUNTS if kind in kinds]
    return tr(N_("{findings} found"), findings=tr("{parts}", parts=parts)) if parts else ""


def _unexplained_count(diagnosis: Mapping[str, Any]) -> int:
    return len(mappings(diagnosis.get("unexplained"))) + int(diagnosis.get("unlisted") or 0)


def diagnosis_blocks(diagnosis: Any) -> list[list[Row]]:
    """Return a block per finding and one with the analyzed data; no blocks if `diagnosis` is not a mapping."""
    if not isinstance(diagnosis, Mapping):
        return []
    findings = mappings(diagnosis.get("findings"))
    analyzed = diagnosis.get("analyzed") or {}
    nodes = [node for node in analyzed.get("nodes", ()) if node]
    text = (
        N_("{logs} and {lines} of {nodes}, checked for {symptoms}")
        if nodes
        else N_("{logs} and {lines}, checked for {symptoms}")
    )
    numbers = {name: count(analyzed.get(name, 0), *_COUNTS[name]) for name in ("logs", "lines", "symptoms")}
    rows = [Row(tr(N_("analyzed")), tr(text, nodes=nodes, **numbers), "soft")]
    rows += [Row(tr(N_("not read")), shown(unread)) for unread in analyzed.get("unread", ())]
    rows += [Row(tr(N_("saved in")), str(diagnosis["folder"]), "soft")] if diagnosis.get("folder") else []
    resolved = [
        Row(tr(N_("resolved")), f"{_label(finding)}{_when(finding)}", "soft")
        for finding in findings
        if not finding["now"]
    ]
    blocks = [_block(finding) for finding in findings if finding["now"]]
    return [*blocks, *(block for block in (_unexplained_block(diagnosis), resolved) if block), rows]


def _unexplained_block(diagnosis: Mapping[str, Any]) -> list[Row]:
    """Return a row for each unexplained line, and what to do about them; empty without any."""
    lines = mappings(diagnosis.get("unexplained"))
    if not lines:
        return []
    rows = [Row(tr(N_("unexplained")), f"{line['text'].strip()} ({_place(line)})") for line in lines]
    if left := int(diagnosis.get("unlisted") or 0):
        rows.append(Row(tr(N_("not shown")), count(left, *_COUNTS["unexplained"])))
    advice = N_(
        "No known symptom matches these lines. Read the log around them: the earliest one is usually the cause."
    )
    return [*rows, Row(tr(N_("check")), tr(advice))]


def _place(line: Mapping[str, Any]) -> str:
    """Return where an unexplained line is, when, and how often."""
    place = tr(N_("{log}, line {number}"), log=line["where"], number=line["line"])
    if line["node"]:
        place = tr(N_("{finding}, on {node}"), finding=place, node=line["node"])
    return place + _when({"evidence": [line], "count": line["count"]})


def _block(finding: Mapping[str, Any]) -> list[Row]:
    severity = finding["severity"]
    rows = [
        Row(tr(_SEVERITIES[severity]), f"{_label(finding)} ({finding['id']})", "bad" if severity == "error" else "")
    ]
    places = dict.fromkeys(trace["where"] for trace in finding["evidence"])
    where = [place if place != _STATE else tr(N_("node state")) for place in places]
    rows.append(Row(tr(N_("seen in")), f"{tr('{places}', places=where)}{_when(finding)}"))
    rows += [
        Row(tr(N_("evidence")), str(Trace.from_dict(trace).text).strip())
        for trace in _shown_traces(finding["evidence"])
    ]
    texts = (("cause", N_("cause")), ("check", N_("check")), ("remedy", N_("remedy")))
    rows += [Row(tr(label), shown(finding[key])) for key, label in texts]
    return [*rows, Row(tr(N_("source")), finding["sources"][0], "soft")]


def _label(finding: Mapping[str, Any]) -> str:
    title = shown(finding["title"])
    return tr(N_("{finding}, on {node}"), finding=title, node=finding["node"]) if finding["node"] else title


def _when(finding: Mapping[str, Any]) -> str:
    times = [trace["at"] for trace in finding["evidence"] if trace["at"]]
    last = f"{datetime.fromtimestamp(max(times)):%Y-%m-%d %H:%M:%S}" if times else ""
    often = finding["count"] if finding["count"] > 1 else 0
    return (tr(N_(", last at {time}"), time=last) if last else "") + (
        tr(N_(", {count} times"), count=often) if often else ""
    )


def _shown_traces(traces: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the first trace of the state and the last one of the logs."""
    state = [trace for trace in traces if trace["where"] == _STATE]
    lines = [trace for trace in traces if trace["where"] != _STATE]
    return [*state[:1], *lines[-1:]]


def _blocks(result: Mapping[str, Any], succeeded: bool) -> list[list[Row]]:
    return [*standard_blocks(result, succeeded), *diagnosis_blocks(result.get("doctor"))]


COMMAND = Command(
    name="doctor",
    run=doctor,
    position=140,
    playbook="playbooks/doctor.yml",
    changes_nodes=False,
    help=(
        N_("Find known symptoms in the logs and state of the cluster; changes nothing."),
        N_(
            "Exits with code 0 when none is found, 2 when one breaks the service, 7 for warnings or errors that no"
            " symptom explains, and 4 when a node does not answer."
        ),
    ),
    examples=(
        ("inferfleet doctor -i inventories/a800", ""),
        ("inferfleet doctor -i inventories/a800 --since 12h --json | jq .result.doctor.findings", ""),
        ("inferfleet doctor --logs support-bundle/", N_("logs from any source, without a cluster")),
    ),
    done=N_("No problem found"),
    summarize=_blocks,
    outcome=_outcome,
    heading=_heading,
)
