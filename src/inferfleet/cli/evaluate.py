"""`inferfleet evaluate`: measure how right the served model answers."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from inferfleet.cli.execute import execute
from inferfleet.cli.options import RunOptions, takes_run_options
from inferfleet.cli.verbs import EVALUATE

EXAMPLES = """[bold]Examples[/bold]

inferfleet evaluate -i inventories/a800 --dataset math_500 --dataset aime24 --dataset-limit 20

inferfleet evaluate -i inventories/a800 --dataset math_500 --reference deepseek-r1 --within 3  [dim]# else 6[/dim]

inferfleet evaluate -i inventories/a800 --dataset 'mmlu:anatomy,virology' --dataset general_qa=/srv/questions
"""
_PANEL = "What is asked"


@takes_run_options
def evaluate(
    options: RunOptions,
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            "--dataset",
            metavar="NAME",
            help="A benchmark: NAME, NAME:SUBSET,… or NAME=FOLDER for questions of your own. Repeatable.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    dataset_limit: Annotated[
        float | None,
        typer.Option(
            "--dataset-limit",
            min=0,
            metavar="N",
            help="Questions of each subset: 100, or 0.1 for a tenth.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    answers: Annotated[
        int | None,
        typer.Option("--answers", min=1, metavar="N", help="Answers to each question.", rich_help_panel=_PANEL),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            "--reference",
            metavar="NAME",
            help="Published scores to reach, such as deepseek-r1, or an earlier run's evaluation.json.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    within: Annotated[
        float | None,
        typer.Option(
            "--within",
            min=0,
            metavar="POINTS",
            help="How far below the reference a score may be; leave with 6 where it is lower.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
) -> None:
    """Ask the served model the questions of benchmarks, with EvalScope on this machine, and score the answers.

    What was answered is kept: the same command again goes on where an interrupted one stopped. Changes no node.
    """
    given: dict[str, Any] = {
        "evaluate_datasets": [_absolute(entry) for entry in dataset or []] or None,
        "evaluate_limit": dataset_limit,
        "evaluate_n": answers,
        "evaluate_reference": reference and _path(reference),
        "evaluate_within": within,
    }
    given = {name: value for name, value in given.items() if value is not None}
    raise typer.Exit(execute(EVALUATE, options, extra_vars=[json.dumps(given, ensure_ascii=False)] if given else []))


def _absolute(entry: str) -> str:
    """Return `entry` with its folder made absolute: what is typed is meant from here, not from the inventory."""
    name, sign, folder = entry.partition("=")
    return f"{name}={Path(folder).expanduser().absolute()}" if sign and folder else entry


def _path(reference: str) -> str:
    path = Path(reference).expanduser()
    return str(path.absolute()) if "/" in reference or reference.endswith(".json") else reference
