"""`inferfleet evaluate`: measure the accuracy of the served model."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from inferfleet.cli.execute import execute
from inferfleet.cli.options import RunOptions, takes_run_options
from inferfleet.cli.output.row import Row
from inferfleet.cli.output.sections import standard_blocks
from inferfleet.cli.output.text import aligned, shown, tr
from inferfleet.cli.registry import Command
from inferfleet.messages import N_

_PANEL = N_("Evaluation")
_HEADS = (N_("score"), N_("margin"), N_("questions"), N_("failed"), N_("reference"), N_("metric"))
_SUBSETS_SHOWN = 12


@takes_run_options
def evaluate(
    options: RunOptions,
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            "--dataset",
            metavar="NAME",
            help=N_("Benchmark: NAME, NAME:SUBSET,… or NAME=FOLDER for your own questions. Repeatable."),
            rich_help_panel=_PANEL,
        ),
    ] = None,
    dataset_limit: Annotated[
        float | None,
        typer.Option(
            "--dataset-limit",
            min=0,
            metavar="N",
            help=N_("Questions per subset: a number such as 100, or a fraction such as 0.1."),
            rich_help_panel=_PANEL,
        ),
    ] = None,
    answers: Annotated[
        int | None,
        typer.Option("--answers", min=1, metavar="N", help=N_("Answers per question."), rich_help_panel=_PANEL),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            "--reference",
            metavar="NAME",
            help=N_("Reference scores: a published set such as deepseek-r1, or the evaluation.json of an earlier run."),
            rich_help_panel=_PANEL,
        ),
    ] = None,
    within: Annotated[
        float | None,
        typer.Option(
            "--within",
            min=0,
            metavar="POINTS",
            help=N_("Points that a score may be below the reference; exits with code 6 when it is lower."),
            rich_help_panel=_PANEL,
        ),
    ] = None,
) -> None:
    """Run the playbook that evaluates the served model."""
    given: dict[str, Any] = {
        "evaluate_datasets": [dataset_entry(entry) for entry in dataset or []] or None,
        "evaluate_limit": dataset_limit,
        "evaluate_n": answers,
        "evaluate_reference": reference and reference_path(reference),
        "evaluate_within": within,
    }
    given = {name: value for name, value in given.items() if value is not None}
    raise typer.Exit(execute(COMMAND, options, extra_vars=[json.dumps(given, ensure_ascii=False)] if given else []))


def dataset_entry(entry: str) -> str:
    """Return `entry` with an absolute folder: relative paths refer to the current folder, not the inventory."""
    name, sign, folder = entry.partition("=")
    return f"{name}={Path(folder).expanduser().absolute()}" if sign and folder else entry


def reference_path(reference: str) -> str:
    """Return the absolute path of an earlier evaluation, or the name of published scores."""
    path = Path(reference).expanduser()
    return str(path.absolute()) if "/" in reference or reference.endswith(".json") else reference


def evaluation_rows(evaluation: Any) -> list[Row]:
    """Return the table of scores; no rows if `evaluation` contains no scores."""
    if not isinstance(evaluation, Mapping) or not evaluation.get("datasets"):
        return []
    compared = bool(evaluation.get("reference"))
    heads = [tr(head) for head in _HEADS]
    cells = [[*heads[:4], *(heads[4:5] if compared else []), heads[5]]]
    labels = [(tr(N_("data set")), "")]
    for entry in evaluation["datasets"]:
        comparison = entry.get("comparison")
        cells.append(_cells(entry, compared))
        labels.append((entry["name"], "bad" if comparison and not comparison["holds"] else ""))
        subsets = entry["subsets"] if len(entry["subsets"]) > 1 else []
        for subset in subsets[:_SUBSETS_SHOWN]:
            cells.append([_percent(subset["score"]), "", str(subset["questions"]), "", "", *([""] if compared else [])])
            labels.append((f"  {subset['name']}", ""))
        if len(subsets) > _SUBSETS_SHOWN:
            more = tr(N_("and {count} more subsets"), count=len(subsets) - _SUBSETS_SHOWN)
            cells.append([more, *[""] * (len(cells[0]) - 1)])
            labels.append(("…", ""))
    lines = aligned(cells, last_free=True)
    rows = [Row(label, line, tone, column=True) for (label, tone), line in zip(labels, lines, strict=True)]
    return [*rows, *_notes(evaluation)]


def _cells(entry: Mapping[str, Any], compared: bool) -> list[str]:
    comparison = entry.get("comparison")
    against = f"{comparison['score']:g} ({comparison['difference']:+g})" if comparison else "–"
    margin = entry.get("margin")
    return [
        _percent(entry["score"]) if entry["answered"] else "–",
        f"±{margin:g}" if margin is not None else "",
        str(entry["questions"]),
        str(entry["failed"]),
        *([against] if compared else []),
        entry["metric"],
    ]


def _notes(evaluation: Mapping[str, Any]) -> list[Row]:
    usage, reference = evaluation.get("usage") or {}, evaluation.get("reference")
    rows = []
    if reference:
        within = tr(N_("{name}, within {points} points"), name=reference["name"], points=f"{reference['within']:g}")
        rows.append(Row(tr(N_("reference")), within))
        rows.append(Row("", "; ".join(filter(None, [shown(reference["source"]), shown(reference["conditions"])]))))
    if usage.get("output_tokens"):
        latency = usage.get("mean_latency_s")
        text = (
            N_("{read} input, {written} output, {seconds} s per answer")
            if latency
            else N_("{read} input, {written} output")
        )
        tokens = {"read": f"{usage['input_tokens']:,}", "written": f"{usage['output_tokens']:,}"}
        rows.append(Row(tr(N_("tokens")), tr(text, **tokens, seconds=f"{latency or 0:g}")))
    if evaluation.get("folder"):
        rows.append(Row(tr(N_("saved in")), str(evaluation["folder"])))
    return rows


def _percent(score: float) -> str:
    return f"{score:.1f} %"


def _blocks(result: Mapping[str, Any], succeeded: bool) -> list[list[Row]]:
    return [*standard_blocks(result, succeeded), evaluation_rows(result.get("evaluation"))]


COMMAND = Command(
    name="evaluate",
    run=evaluate,
    position=430,
    playbook="playbooks/evaluate.yml",
    changes_nodes=False,
    help=(
        N_("Send benchmark questions to the served model with EvalScope on the controller, and score the answers."),
        N_("Answers are saved: run the same command again to continue an interrupted evaluation. Changes no node."),
    ),
    examples=(
        ("inferfleet evaluate -i inventories/a800 --dataset math_500 --dataset aime24 --dataset-limit 20", ""),
        (
            "inferfleet evaluate -i inventories/a800 --dataset math_500 --reference deepseek-r1 --within 3",
            N_("exit code 6 below the reference"),
        ),
        (
            "inferfleet evaluate -i inventories/a800 --dataset 'mmlu:anatomy,virology'"
            " --dataset general_qa=/srv/questions",
            "",
        ),
    ),
    done=N_("Evaluation complete"),
    interrupted=N_("Run the same command again: it sends only the unanswered questions."),
    summarize=_blocks,
)
