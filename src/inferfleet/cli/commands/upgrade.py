"""`inferfleet upgrade`: replace running replicas one after another."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from inferfleet.bench.files import RunError, load
from inferfleet.cli.bench_compare import parse_limit
from inferfleet.cli.commands.bench import bench_rows
from inferfleet.cli.commands.evaluate import dataset_entry, evaluation_rows, reference_path
from inferfleet.cli.commands.up import up_blocks
from inferfleet.cli.execute import execute, refuse
from inferfleet.cli.options import RUN_PANEL, RunOptions, takes_run_options
from inferfleet.cli.output.row import Row
from inferfleet.cli.output.text import tr
from inferfleet.cli.registry import Command
from inferfleet.messages import N_
from inferfleet.runner.outcome import Outcome

_GATES = N_("Gates")
DrainTimeout = Annotated[
    int,
    typer.Option(
        "--drain-timeout",
        min=1,
        metavar="SECONDS",
        rich_help_panel=RUN_PANEL,
        help=N_("Wait at most this long until the running requests of a drained replica have finished."),
    ),
]
Yes = Annotated[
    bool,
    typer.Option(
        "--yes",
        "-y",
        metavar="",
        rich_help_panel=RUN_PANEL,
        help=N_("Confirm that a model does not answer while its only replica is replaced."),
    ),
]


@takes_run_options
def upgrade(
    options: RunOptions,
    compare: Annotated[
        Path | None,
        typer.Option(
            "--compare",
            metavar="RUN",
            show_default=False,
            rich_help_panel=_GATES,
            help=N_(
                "Each replaced replica must repeat this run of `inferfleet bench` (a folder or bench.json) without a"
                " regression."
            ),
        ),
    ] = None,
    compare_limit: Annotated[
        str,
        typer.Option(
            "--compare-limit",
            metavar="PERCENT",
            rich_help_panel=_GATES,
            help=N_("With --compare, the largest regression allowed."),
        ),
    ] = "5%",
    evaluate: Annotated[
        list[str] | None,
        typer.Option(
            "--evaluate",
            metavar="NAME",
            show_default=False,
            rich_help_panel=_GATES,
            help=N_(
                "Each replaced replica must pass this benchmark, as --dataset of `inferfleet evaluate`. Repeatable."
            ),
        ),
    ] = None,
    dataset_limit: Annotated[
        float | None,
        typer.Option(
            "--dataset-limit",
            min=0,
            metavar="N",
            rich_help_panel=_GATES,
            help=N_("With --evaluate, questions per subset: a number such as 100, or a fraction such as 0.1."),
        ),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            "--reference",
            metavar="NAME",
            rich_help_panel=_GATES,
            help=N_("With --evaluate, scores to reach: a published set, or the evaluation.json of an earlier run."),
        ),
    ] = None,
    within: Annotated[
        float | None,
        typer.Option(
            "--within",
            min=0,
            metavar="POINTS",
            rich_help_panel=_GATES,
            help=N_("With --evaluate, points that a score may be below the reference."),
        ),
    ] = None,
    drain_timeout: DrainTimeout = 600,
    yes: Yes = False,
) -> None:
    """Run the playbook that deploys the complete service; an interruption must be confirmed."""
    gates: dict[str, Any] = {
        "evaluate_limit": dataset_limit,
        "evaluate_reference": reference and reference_path(reference),
        "evaluate_within": within,
    }
    gates = {name: value for name, value in gates.items() if value is not None}
    if gates and not evaluate:
        raise typer.BadParameter(
            tr(N_("--dataset-limit, --reference and --within need --evaluate.")), param_hint="--evaluate"
        )
    if evaluate:
        gates |= {"engine_switch_evaluate": True, "evaluate_datasets": [dataset_entry(name) for name in evaluate]}
    try:
        if compare:
            load(compare)
            gates["engine_switch_compare_with"] = str(compare.expanduser().absolute())
            gates["bench_regression_limit"] = parse_limit(compare_limit) * 100
    except RunError as error:
        refuse(error.problem, COMMAND.name, options)
        raise typer.Exit(Outcome.BAD_INPUT.exit_code) from None
    variables = [run_variables("upgrade", drain_timeout, yes), *([json.dumps(gates)] if gates else [])]
    raise typer.Exit(execute(COMMAND, options, extra_vars=variables))


def run_variables(command: str, drain_timeout: int, yes: bool) -> str:
    """Return the variables of a run that replaces replicas, as JSON."""
    variables: dict[str, Any] = {
        "engine_switch_command": command,
        "engine_switch_refuse_interruption": True,
        "engine_switch_interruption_confirmed": yes,
        "gateway_drain_seconds": drain_timeout,
    }
    return json.dumps(variables)


def upgrade_blocks(result: Mapping[str, Any], succeeded: bool) -> list[list[Row]]:
    """Return what `inferfleet up` reports, and the results of the gates."""
    return [*up_blocks(result, succeeded), bench_rows(result.get("bench")), evaluation_rows(result.get("evaluation"))]


COMMAND = Command(
    name="upgrade",
    run=upgrade,
    position=210,
    playbook="site.yml",
    help=(
        N_("Deploy another engine version, image or other settings: each replica is drained, replaced and verified."),
        N_("The first failure stops the run: that replica returns to what it ran, and the others are not changed."),
        N_("With --compare or --evaluate, a replica that is worse than allowed fails, too: exit code 6."),
        N_("Settings of -e apply to this run: keep them in the inventory, which the next `inferfleet up` deploys."),
    ),
    examples=(
        ("inferfleet upgrade -i inventories/a800 -e engine_version=0.32.0", ""),
        ("inferfleet upgrade -i inventories/a800", N_("the settings of the inventory")),
        ("inferfleet upgrade -i inventories/a800 -e max_num_seqs=64 --check", N_("what would change")),
        (
            "inferfleet upgrade -i inventories/a800 -e engine_version=0.32.0"
            " --compare inventories/a800/.results/bench/20260101T080000Z --compare-limit 10%",
            N_("no slower than that benchmark"),
        ),
        (
            "inferfleet upgrade -i inventories/a800 -e engine_version=0.32.0"
            " --evaluate math_500 --dataset-limit 20 --reference deepseek-r1 --within 3",
            N_("no less accurate than published"),
        ),
        ("inferfleet upgrade -i inventories/h20 -e engine_version=0.32.0 --yes", N_("a single replica, from a script")),
    ),
    done=N_("Upgraded"),
    interrupted=N_("Run the same command again: it continues with the replicas that are not replaced yet."),
    failed=N_("Return all replicas to the last good release with `inferfleet rollback`, or run the command again."),
    summarize=upgrade_blocks,
)
