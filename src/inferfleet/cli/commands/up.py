"""`inferfleet up`: deploy the service, or correct differences."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from inferfleet.cli.commands.fabric import fabric_rows
from inferfleet.cli.commands.weights import weights_blocks
from inferfleet.cli.execute import execute
from inferfleet.cli.options import RUN_PANEL, RunOptions, takes_run_options
from inferfleet.cli.output.row import Row
from inferfleet.cli.output.sections import check_rows, service_rows
from inferfleet.cli.registry import Command
from inferfleet.messages import N_


@takes_run_options
def up(
    options: RunOptions,
    assert_no_change: Annotated[
        bool,
        typer.Option(
            "--assert-no-change",
            metavar="",
            rich_help_panel=RUN_PANEL,
            help=N_("Exit with code 5 when anything changed, and list the changes."),
        ),
    ] = False,
    complete: Annotated[
        bool,
        typer.Option(
            "--complete",
            metavar="",
            rich_help_panel=RUN_PANEL,
            help=N_("Run all stages, also where nothing differs from the recorded state."),
        ),
    ] = False,
) -> None:
    """Run the playbook that deploys the complete service."""
    extra_vars = ["complete_run=true"] if complete else []
    raise typer.Exit(execute(COMMAND, options, assert_no_change=assert_no_change, extra_vars=extra_vars))


def up_blocks(result: Mapping[str, Any], succeeded: bool) -> list[list[Row]]:
    """Return the summary blocks of a deployment."""
    fabric = fabric_rows(result.get("fabric"))
    if not succeeded:
        return [check_rows(result), fabric]
    return [service_rows(result), *weights_blocks(result), check_rows(result), fabric]


COMMAND = Command(
    name="up",
    run=up,
    position=60,
    playbook="site.yml",
    help=(
        N_("Deploy the complete service, stage by stage, and verify that it answers."),
        N_("Safe to run again: it changes only what differs from the configuration."),
        N_("Where nothing differs from a run that changed nothing, it only verifies the service."),
    ),
    examples=(
        ("inferfleet up -i inventories/lab", ""),
        ("inferfleet up -i inventories/lab --check --diff", N_("what would change")),
        ("inferfleet up -i inventories/a800 -e model=deepseek-r1-distill-qwen-32b", ""),
        ("inferfleet up -i inventories/a800 --tags inference_engine", N_("one stage")),
        ("inferfleet up -i inventories/lab --assert-no-change --junit report.xml", "CI"),
    ),
    done=N_("Deployed"),
    interrupted=N_("Run `inferfleet up` again: it continues where this run stopped."),
    summarize=up_blocks,
)
