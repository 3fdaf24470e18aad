"""`inferfleet usage`: requests and tokens of each client."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from inferfleet.cli.durations import seconds_of, wrong_span
from inferfleet.cli.execute import execute, refuse
from inferfleet.cli.options import RUN_PANEL, RunOptions, takes_run_options
from inferfleet.cli.output.row import Row, table_rows
from inferfleet.cli.output.sections import mappings
from inferfleet.cli.output.text import tr
from inferfleet.cli.registry import Command
from inferfleet.messages import N_
from inferfleet.runner.outcome import Outcome

_LABELS = {
    "requests": N_("all requests"),
    "refused": "429",
    "failed": N_("failed"),
    "prompt_tokens": N_("prompt tokens"),
    "completion_tokens": N_("completion tokens"),
}
_TIMES = {
    "ttft_p50": N_("TTFT p50"),
    "ttft_p95": N_("TTFT p95"),
    "duration_p95": N_("duration p95"),
}
"""Columns of the two tables by field of `inferfleet.gateway.usage.Usage`; one would be wider than a terminal."""


@takes_run_options
def usage(
    options: RunOptions,
    since: Annotated[
        str,
        typer.Option(
            "--since", metavar="TIME", rich_help_panel=RUN_PANEL, help=N_("Time span of the usage: 1h, 7d, 30d.")
        ),
    ] = "7d",
    client: Annotated[
        str, typer.Option("--client", metavar="NAME", rich_help_panel=RUN_PANEL, help=N_("Only this client."))
    ] = "",
    as_csv: Annotated[
        bool,
        typer.Option("--csv", metavar="", rich_help_panel=RUN_PANEL, help=N_("Print comma-separated values instead.")),
    ] = False,
) -> None:
    """Run the playbook that reports the usage."""
    seconds = seconds_of(since)
    if seconds is None:
        refuse(wrong_span(since), COMMAND.name, options)
        raise typer.Exit(Outcome.BAD_INPUT.exit_code)
    results: list[Mapping[str, Any]] = []

    def complete(result: Mapping[str, Any]) -> Mapping[str, Any]:
        chosen = of_client(result, client)
        results.append(chosen)
        return chosen

    settings = json.dumps({"gateway_usage_seconds": seconds})
    code = execute(COMMAND, options, extra_vars=[settings], complete=complete, summary=not as_csv)
    if as_csv and results:
        typer.echo(csv_text(rows_of(results[0])), nl=False)
    raise typer.Exit(code)


def of_client(result: Mapping[str, Any], client: str) -> Mapping[str, Any]:
    """Return the result with the rows of one client only; with all of them if it is empty."""
    report = result.get("usage")
    if not client or not isinstance(report, Mapping):
        return result
    return {**result, "usage": {**report, "clients": [row for row in rows_of(result) if row["client"] == client]}}


def rows_of(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the rows of clients and models."""
    report = result.get("usage")
    return mappings(report.get("clients")) if isinstance(report, Mapping) else []


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows as comma-separated values (RFC 4180) under the names of their fields."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=["client", "model", *_FIELDS])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


_FIELDS = (
    *("requests", "refused", "failed", "aborted", "without_usage", "prompt_tokens", "completion_tokens"),
    *("ttft_p50", "ttft_p95", "duration_p95"),
)


def usage_blocks(result: Mapping[str, Any], succeeded: bool) -> list[list[Row]]:
    """Return the time span, a table of numbers by client and model with their sum, and one of latencies."""
    report = result.get("usage")
    if not isinstance(report, Mapping):
        return []
    span = N_("{since} to {until} UTC")
    span_ends = {name: f"{datetime.fromtimestamp(report[name], UTC):%Y-%m-%d %H:%M}" for name in ("since", "until")}
    head = [Row(tr(N_("time span")), tr(span, **span_ends))]
    rows = rows_of(result)
    if not rows:
        return [head, [Row("", tr(N_("No requests.")))]]
    total = {name: sum(row[name] for row in rows) for name in _LABELS}
    names = [tr(N_("client")), *(_name(row) for row in rows)]
    numbers = table_rows([*names, tr(N_("sum"))], _table(_LABELS, [*rows, total]))
    times = table_rows(names, _table(_TIMES, rows))
    uncounted = sum(row["without_usage"] for row in rows)
    note = N_("{count} answers had no numbers of tokens: their engine sends them only if a client requests it.")
    return [head, numbers, times, *([[Row(tr(N_("note")), tr(note, count=uncounted))]] if uncounted else [])]


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['client']} {row['model']}"


def _table(labels: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    return [[tr(label) for label in labels.values()], *([_cell(name, row[name]) for name in labels] for row in rows)]


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2f} s" if name.endswith(("p50", "p95")) else f"{value:,}"


COMMAND = Command(
    name="usage",
    run=usage,
    position=150,
    playbook="playbooks/usage.yml",
    changes_nodes=False,
    help=(
        N_("Show requests, tokens and latencies of each client and model, added up over the gateways."),
        N_("They are counted by hour and kept for gateway_usage_days; the span begins with a full hour."),
    ),
    examples=(
        ("inferfleet usage -i inventories/a800", ""),
        ("inferfleet usage -i inventories/a800 --since 30d --csv > usage.csv", ""),
        ("inferfleet usage -i inventories/a800 --client batch --json | jq .result.usage", ""),
    ),
    done=N_("Usage reported"),
    summarize=usage_blocks,
)
