"""Two runs of the benchmark side by side."""

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
from inferfleet.cli.plan_view import make_console, print_problems
from inferfleet.cli.render_json import to_text
from inferfleet.cli.text import count
from inferfleet.messages import Problem
from inferfleet.runner.outcome import Outcome

_WHICH = ("first", "second")


def compare_runs(first: Path, second: Path, limit: str, *, as_json: bool) -> int:
    """Print how the second run differs from the first, and return the exit code."""
    try:
        runs = load(first), load(second)
        compared = compare(*runs, parse_limit(limit))
    except RunError as error:
        return _refuse([error.problem], as_json)
    if compared.problems:
        return _refuse(compared.problems, as_json)
    outcome = Outcome.LIMIT_MISSED if compared.regressions else Outcome.OK
    if as_json:
        about = [_about(path, run) for path, run in zip((first, second), runs, strict=True)]
        typer.echo(to_text(_document(outcome, compared, about)))
    else:
        _print(make_console(), compared, runs)
    return outcome.exit_code


def parse_limit(text: str) -> float:
    """Return a percentage, with or without its sign, as a share.

    Raises:
        RunError: it is none.
    """
    try:
        percent = float(text.strip().removesuffix("%"))
    except ValueError:
        percent = -1.0
    if not 0 <= percent < float("inf"):
        raise RunError("bad-limit", f"--limit is {text!r}, which is not a percentage.", "Write it as 5%.")
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
        parts = [run.name, run.model, f"preset {run.sweep.preset}", f"begun {run.started}"]
        console.print(Text(f"{which:<6}  {' · '.join(part for part in parts if part)}"), soft_wrap=True)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("concurrency", "metric", *_WHICH, "change"):
        table.add_column(title, justify="left" if title == "metric" else "right", no_wrap=True)
    for change, before in zip(compared.changes, [None, *compared.changes], strict=False):
        if before and before.concurrency != change.concurrency:
            table.add_section()
        style = "red" if change.regressed else ""
        values = (_number(value) for value in (change.first, change.second))
        table.add_row(str(change.concurrency), change.metric, *values, _shown(change), style=style)
    console.print(table)
    for difference in compared.differences:
        console.print(Text(f"differs: {difference.name}: {difference.first} → {difference.second}"), soft_wrap=True)
    for note in compared.notes:
        console.print(Text(f"note: {note}"), soft_wrap=True)
    worse = compared.regressions
    what = f"{count(len(worse), 'metric')} worse" if worse else "Nothing is worse"
    console.print(Text(f"{what} by more than {compared.limit * 100:g} %.", style="bold red" if worse else "green"))


def _number(value: float) -> str:
    return f"{value:.2f}" if value < 1000 else f"{value:.0f}"


def _shown(change: Change) -> str:
    sign = " worse" if change.regressed else ""
    return (f"{change.change:+.1%}" if change.change is not None else "") + sign
