"""`inferfleet bench`: benchmark the service, or compare two benchmark runs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter
from rich.cells import cell_len

from inferfleet.bench.run import Measurement
from inferfleet.bench.table import HEAD, LABEL, row
from inferfleet.cli.bench_compare import compare_runs
from inferfleet.cli.execute import execute
from inferfleet.cli.options import RUN_PANEL, RunOptions, inventory_option, takes_run_options
from inferfleet.cli.output.row import Row
from inferfleet.cli.output.sections import standard_blocks
from inferfleet.cli.output.text import pad, tr
from inferfleet.cli.registry import Command
from inferfleet.messages import N_

_PANEL = N_("Measurement")
_COMPARE = N_("Comparison")
_MEASUREMENTS = TypeAdapter(tuple[Measurement, ...])


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(
            tr(N_("'{value}' is not a list of whole numbers such as 1,4,16."), value=text)
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchOptions(RunOptions):
    """The shared options; a comparison needs no inventory."""

    inventory: Annotated[
        str,
        inventory_option(
            N_("The cluster: a folder under inventories/, or an inventory file. Not needed for --compare.")
        ),
    ] = ""
    limit: Annotated[
        str | None,
        typer.Option(
            "-l",
            "--limit",
            metavar="HOSTS|PERCENT",
            help=N_("Only these hosts; with --compare, the largest regression allowed."),
            show_default=N_("5% with --compare"),
            rich_help_panel=RUN_PANEL,
        ),
    ] = None


@takes_run_options
def bench(
    options: BenchOptions,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset",
            metavar="NAME",
            help=N_("smoke, latency, throughput, long-context or va16."),
            show_default="smoke",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    concurrency: Annotated[
        str | None,
        typer.Option(
            "--concurrency",
            metavar="1,4,16",
            help=N_("Concurrency levels, one measurement each."),
            rich_help_panel=_PANEL,
        ),
    ] = None,
    input_len: Annotated[
        int | None,
        typer.Option("--input-len", min=1, metavar="N", help=N_("Input tokens per request."), rich_help_panel=_PANEL),
    ] = None,
    output_len: Annotated[
        int | None,
        typer.Option("--output-len", min=1, metavar="N", help=N_("Output tokens per request."), rich_help_panel=_PANEL),
    ] = None,
    num_prompts: Annotated[
        int | None,
        typer.Option("--num-prompts", min=1, metavar="N", help=N_("Requests per measurement."), rich_help_panel=_PANEL),
    ] = None,
    ignore_eos: Annotated[
        bool | None,
        typer.Option(
            "--ignore-eos/--no-ignore-eos",
            help=N_("Generate exactly --output-len tokens, or stop at the model's end-of-sequence token."),
            show_default=N_("ignore"),
            rich_help_panel=_PANEL,
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="TEXT", help=N_("Name of the run."), rich_help_panel=_PANEL)
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", metavar="", help=N_("Resume the newest run, which was interrupted."), rich_help_panel=_PANEL
        ),
    ] = False,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            "--compare",
            metavar="A B",
            help=N_("Compare two runs (folders or bench.json files) without measuring."),
            rich_help_panel=_COMPARE,
        ),
    ] = None,
) -> None:
    """Run the benchmark playbook, or compare two runs."""
    if compare:
        raise typer.Exit(compare_runs(*compare, options.limit or "5%", as_json=options.json))
    if not options.inventory:
        raise typer.BadParameter(tr(N_("Specify the cluster: a folder under inventories/.")), param_hint="-i")
    given = {
        "bench_preset": preset,
        "bench_concurrency": _numbers(concurrency) if concurrency else None,
        "bench_input_len": input_len,
        "bench_output_len": output_len,
        "bench_num_prompts": num_prompts,
        "bench_ignore_eos": ignore_eos,
        "bench_name": name,
    }
    chosen = {key: value for key, value in given.items() if value is not None}
    if resume and chosen:
        raise typer.BadParameter(
            tr(N_("An interrupted run resumes with its original options: remove the others.")), param_hint="--resume"
        )
    if resume:
        chosen = {"bench_resume": True}
    raise typer.Exit(execute(COMMAND, options, extra_vars=[json.dumps(chosen)] if chosen else []))


def bench_rows(report: Any) -> list[Row]:
    """Return the results table of a run and its folder; no rows if `report` is not a mapping."""
    if not isinstance(report, Mapping):
        return []
    label = tr(LABEL)
    measurements = _MEASUREMENTS.validate_python(report.get("measurements") or ())
    rows = [Row(label, tr(HEAD))]
    rows += [Row(pad(str(m.concurrency), cell_len(label), right=True), row(m)) for m in measurements]
    return [*rows, Row(tr(N_("saved in")), str(report.get("folder")))]


def _blocks(result: Mapping[str, Any], succeeded: bool) -> list[list[Row]]:
    return [*standard_blocks(result, succeeded), bench_rows(result.get("bench"))]


COMMAND = Command(
    name="bench",
    run=bench,
    position=420,
    playbook="playbooks/bench.yml",
    help=(
        N_("Measure throughput and latency with the engine's own `vllm bench serve`, from the head."),
        N_(
            "Each measurement is saved as soon as it ends. With --compare, exits with code 6 when the second"
            " run is worse by more than --limit."
        ),
    ),
    examples=(
        ("inferfleet bench -i inventories/a800", N_("preset smoke: functional check")),
        ("inferfleet bench -i inventories/a800 --preset throughput --name before", ""),
        ("inferfleet bench -i inventories/a800 --preset latency --concurrency 1,4,16 --output-len 256", ""),
        ("inferfleet bench -i inventories/a800 --resume", N_("missing measurements of an interrupted run")),
        ("inferfleet bench --compare results/before results/after --limit 5%", ""),
    ),
    done=N_("Benchmark complete"),
    interrupted=N_("Run `inferfleet bench --resume` for the missing measurements."),
    failed=N_("Fix the error, then run the same command again, or add --resume for the missing measurements only."),
    summarize=_blocks,
)
