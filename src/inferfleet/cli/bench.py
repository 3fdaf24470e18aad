"""`inferfleet bench`: measure the service, or compare two measurements."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from inferfleet.cli.bench_compare import compare_runs
from inferfleet.cli.execute import execute
from inferfleet.cli.options import RUN_PANEL, RunOptions, inventory_option, takes_run_options
from inferfleet.cli.verbs import BENCH

EXAMPLES = """[bold]Examples[/bold]

inferfleet bench -i inventories/a800  [dim]# preset smoke: whether it works at all[/dim]

inferfleet bench -i inventories/a800 --preset throughput --name before

inferfleet bench -i inventories/a800 --preset latency --concurrency 1,4,16 --output-len 256

inferfleet bench -i inventories/a800 --resume  [dim]# what an interrupted run lacks[/dim]

inferfleet bench --compare results/before results/after --limit 5%
"""
_PANEL = "What is measured"
_COMPARE = "Comparing"


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a list of whole numbers such as 1,4,16.") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchOptions(RunOptions):
    """The shared options; a comparison needs no cluster."""

    inventory: Annotated[
        str,
        inventory_option("The cluster: a folder under inventories/, or an inventory file. Not needed for --compare."),
    ] = ""
    limit: Annotated[
        str | None,
        typer.Option(
            "-l",
            "--limit",
            metavar="HOSTS|PERCENT",
            help="Only these hosts; with --compare, how much worse the second run may be.",
            show_default="5% with --compare",
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
            help="smoke, latency, throughput, long-context or va16.",
            show_default="smoke",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    concurrency: Annotated[
        str | None,
        typer.Option(
            "--concurrency", metavar="1,4,16", help="Requests in flight, a measurement each.", rich_help_panel=_PANEL
        ),
    ] = None,
    input_len: Annotated[
        int | None,
        typer.Option("--input-len", min=1, metavar="N", help="Tokens of each prompt.", rich_help_panel=_PANEL),
    ] = None,
    output_len: Annotated[
        int | None,
        typer.Option("--output-len", min=1, metavar="N", help="Tokens of each answer.", rich_help_panel=_PANEL),
    ] = None,
    num_prompts: Annotated[
        int | None,
        typer.Option("--num-prompts", min=1, metavar="N", help="Requests of each measurement.", rich_help_panel=_PANEL),
    ] = None,
    ignore_eos: Annotated[
        bool | None,
        typer.Option(
            "--ignore-eos/--no-ignore-eos",
            help="Let answers go on to --output-len, or end where the model ends them.",
            show_default="ignore",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="TEXT", help="A name for the run.", rich_help_panel=_PANEL)
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", metavar="", help="Go on with the newest run, interrupted.", rich_help_panel=_PANEL),
    ] = False,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            "--compare",
            metavar="A B",
            help="Compare two runs, folders or bench.json, and measure nothing.",
            rich_help_panel=_COMPARE,
        ),
    ] = None,
) -> None:
    """Measure throughput and latency with the engine's own `vllm bench serve`, from the head.

    Every measurement is kept at once. With --compare it leaves with 6 where the second run is worse by more than
    --limit.
    """
    if compare:
        raise typer.Exit(compare_runs(*compare, options.limit or "5%", as_json=options.json))
    if not options.inventory:
        raise typer.BadParameter("Name the cluster, a folder under inventories/.", param_hint="-i")
    given = {
        "bench_preset": preset,
        "bench_concurrency": _numbers(concurrency) if concurrency else None,
        "bench_input_len": input_len,
        "bench_output_len": output_len,
        "bench_num_prompts": num_prompts,
        "bench_ignore_eos": ignore_eos,
        "bench_name": name,
    }
    asked = {key: value for key, value in given.items() if value is not None}
    if resume and asked:
        raise typer.BadParameter("An interrupted run is gone on with as it was begun.", param_hint="--resume")
    if resume:
        asked = {"bench_resume": True}
    raise typer.Exit(execute(BENCH, options, extra_vars=[json.dumps(asked)] if asked else []))
