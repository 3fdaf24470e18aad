"""`inferfleet doctor`: what is wrong, why, how to check it, what to do."""

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from inferfleet.cli.doctor_rows import judge_diagnosis
from inferfleet.cli.execute import execute, refuse
from inferfleet.cli.options import RUN_PANEL, RunOptions, inventory_option, takes_run_options
from inferfleet.cli.render_json import document, to_text
from inferfleet.cli.render_summary import print_summary
from inferfleet.cli.summary import summarize
from inferfleet.cli.verbs import DOCTOR
from inferfleet.cli.view import Header
from inferfleet.doctor import diagnose, load_symptoms, read_evidence
from inferfleet.messages import Problem
from inferfleet.runner.outcome import Outcome
from inferfleet.runner.result import RunResult

EXAMPLES = """[bold]Examples[/bold]

inferfleet doctor -i inventories/a800

inferfleet doctor -i inventories/a800 --since 12h --json | jq .result.doctor.findings

inferfleet doctor --logs support-bundle/  [dim]# logs of whatever origin, without a cluster[/dim]
"""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MOST = 366 * 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorOptions(RunOptions):
    """The shared options; logs need no cluster."""

    inventory: Annotated[
        str, inventory_option("The cluster: a folder under inventories/, or an inventory file. Not needed for --logs.")
    ] = ""


@takes_run_options
def doctor(
    options: DoctorOptions,
    since: Annotated[
        str,
        typer.Option("--since", metavar="TIME", rich_help_panel=RUN_PANEL, help="How far to look back: 30m, 1h, 2d."),
    ] = "1h",
    logs: Annotated[
        Path | None,
        typer.Option(
            "--logs",
            metavar="PATH",
            rich_help_panel=RUN_PANEL,
            help="Look at these logs instead, a file or a folder; reaches no node.",
        ),
    ] = None,
) -> None:
    """Look for known symptoms in logs and state of the whole cluster; changes nothing.

    Leaves with 0 when there is none, 2 when one keeps the service from working, 7 when there are warnings only, and
    with 4 when a node does not answer.
    """
    seconds = _seconds(since)
    problem = None
    if seconds is None:
        problem = Problem("usage", f"Option --since is {since!r}.", "Give a time such as 30m, 1h or 2d.")
    elif logs is None and not options.inventory:
        problem = Problem("usage", "There is neither an inventory nor a log.", "Name one by -i, or logs by --logs.")
    elif logs is not None and not logs.exists():
        problem = Problem("no-logs", f"There is no file or folder {logs}.", "Name the logs to look at.")
    if problem:
        refuse(problem, DOCTOR.name, options)
        raise typer.Exit(Outcome.BAD_INPUT.exit_code)
    if logs is not None:
        raise typer.Exit(_offline(logs, options))
    raise typer.Exit(execute(DOCTOR, options, extra_vars=[f"doctor_since={seconds}"]))


def _offline(logs: Path, options: RunOptions) -> int:
    """Match logs that lie here and show what was found, as a run would."""
    start = time.monotonic()
    try:
        found = diagnose(read_evidence(logs), load_symptoms()).as_dict()
    except OSError as error:
        reason = f"{error.filename or logs} cannot be read: {error.strerror or error}."
        refuse(Problem("no-logs", reason, "Make it readable, or name others."), DOCTOR.name, options)
        return Outcome.BAD_INPUT.exit_code
    run = RunResult((), time.monotonic() - start, 0, complete=True, tasks_run=1, result={"doctor": found})
    judged = judge_diagnosis(Outcome.OK, found)
    if options.json:
        typer.echo(to_text(document(Header(DOCTOR.name, str(logs), ""), run, judged, "")))
    else:
        console = Console(highlight=False, emoji=False, markup=False)
        print_summary(console, summarize(DOCTOR, run, judged, again="", check=False, log="", cwd=Path.cwd()))
    return judged.exit_code


def _seconds(text: str) -> int | None:
    found = re.fullmatch(r"(\d{1,8})([smhd]?)", text.strip())
    seconds = int(found[1]) * _UNITS[found[2] or "s"] if found else 0
    return seconds if 0 < seconds <= _MOST else None
