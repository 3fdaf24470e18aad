"""Comparison of two benchmark runs."""

from pathlib import Path
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from inferfleet.bench.compare import Change, Comparison, compare
from inferfleet.bench.files import RunError, load
from inferfleet.bench.run import Run
from inferfleet.cli.output.console import make_console
from inferfleet.cli.output.document import to_text
from inferfleet.cli.output.plan import print_problems
from inferfleet.cli.output.text import pad, shown, tr
from inferfleet.messages import N_, Problem
from inferfleet.runner.outcome import Outcome

_METRIC = N_("metric")
_WHICH = (N_("first"), N_("second"))


def compare_runs(first: Path, second: Path, limit: str, *, as_json: bool) -> int:
    """Print how the second run differs from the first, and return the exit code."""
    try:
        runs = load(first), load(second)
        compared = compare(*runs, parse_limit(limit))
    except RunError as error:
        return _refuse([error.problem], as_json)
    if compared.problems:
        return _refuse(compared.problems, as_json)
    outcome = Outcome.THRESHOLD_NOT_MET if compared.regressions else Outcome.OK
    if as_json:
        about = [_about(path, run) for path, run in zip((first, second), runs, strict=True)]
        typer.echo(to_text(_document(outcome, compared, about)))
    else:
        _print(make_console(), compared, runs)
    return outcome.exit_code


def parse_limit(text: str) -> float:
    """Return a percentage, with or without the percent sign, as a fraction.

    Raises:
        RunError: the text is not a percentage.
    """
    try:
        percent = float(text.strip().removesuffix("%"))
    except ValueError:
        percent = -1.0
    if not 0 <= percent < float("inf"):
        raise RunError(
            "bad-limit", N_("--limit is '{value}', which is not a percentage."), N_("Write it as 5%."), value=text
        )
    return percent / 100


def _refuse(problems: list[Problem], as_json: bool) -> int:
    if as_json:
        typer.echo(to_text(_document(Outcome.BAD_INPUT, Comparison(0, problems=problems), [])))
    print_problems(make_console(stderr=True), problems)
    return Outcome.BAD_INPUT.exit_code


def _document(outcome: Outcome, compared: Comparison, runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "command": "bench --compare",
        "outcome": str(outcome),
        "exit_code": outcome.exit_code,
        "runs": runs,
        **compared.as_dict(),
    }


def _about(path: Path, run: Run) -> dict[str, Any]:
    return {
        "path": str(path),
        "name": run.name,
        "started": run.started,
        "ended": run.ended,
        "sweep": run.sweep.model_dump(mode="json"),
    }


def _print(console: Console, compared: Comparison, runs: tuple[Run, Run]) -> None:
    for which, run in zip(_WHICH, runs, strict=True):
        preset = tr(N_("preset {name}"), name=run.sweep.preset)
        parts = [run.name, run.model, preset, tr(N_("started {time}"), time=run.started)]
        console.print(Text(f"{pad(tr(which), 6)}  {' · '.join(part for part in parts if part)}"), soft_wrap=True)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in (N_("concurrency"), _METRIC, *_WHICH, N_("change")):
        table.add_column(tr(title), justify="left" if title == _METRIC else "right", no_wrap=True)
    for change, before in zip(compared.changes, [None, *compared.changes], strict=False):
        if before and before.concurrency != change.concurrency:
            table.add_section()
        style = "red" if change.regressed else ""
        values = (_number(value) for value in (change.first, change.second))
        table.add_row(str(change.concurrency), change.metric, *values, _shown(change), style=style)
    console.print(table)
    for difference in compared.differences:
        console.print(
            Text(
                tr(
                    N_("differs: {name}: {first} → {second}"),
                    name=difference.name,
                    first=difference.first,
                    second=difference.second,
                )
            ),
            soft_wrap=True,
        )
    for note in compared.notes:
        console.print(Text(tr(N_("note: {text}"), text=shown(note))), soft_wrap=True)
    worse = compared.regressions
    limit = f"{compared.limit * 100:g}"
    text = (
        N_("{count} metric regressed by more than {limit} %."),
        N_("{count} metrics regressed by more than {limit} %."),
    )
    summary = tr(
        text[len(worse) != 1] if worse else N_("No metric regressed by more than {limit} %."),
        count=len(worse),
        limit=limit,
    )
    console.print(Text(summary, style="bold red" if worse else "green"))


def _number(value: float) -> str:
    return f"{value:.2f}" if value < 1000 else f"{value:.0f}"


def _shown(change: Change) -> str:
    share = f"{change.change:+.1%}" if change.change is not None else ""
    return tr(N_("{share} worse"), share=share) if change.regressed else share
