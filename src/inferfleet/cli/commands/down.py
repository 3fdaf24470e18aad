"""`inferfleet down`: stop and remove the deployment."""

from typing import Annotated

import typer

from inferfleet.cli.execute import execute
from inferfleet.cli.options import RUN_PANEL, RunOptions, takes_run_options
from inferfleet.cli.registry import Command
from inferfleet.messages import N_


@takes_run_options
def down(
    options: RunOptions,
    weights: Annotated[
        bool,
        typer.Option(
            "--weights",
            metavar="",
            rich_help_panel=RUN_PANEL,
            help=N_("Remove the model's weights too: they must be downloaded again."),
        ),
    ] = False,
    yes: Annotated[
        bool,
        typer.Option("--yes", "-y", metavar="", rich_help_panel=RUN_PANEL, help=N_("Do not prompt for confirmation.")),
    ] = False,
) -> None:
    """Run the playbook that removes the service."""
    extra_vars = ["reset_weights=true"] if weights else []
    raise typer.Exit(execute(COMMAND, options, extra_vars=extra_vars, confirmed=yes))


COMMAND = Command(
    name="down",
    run=down,
    position=350,
    playbook="playbooks/reset.yml",
    question=N_("Stop the services of {inventory} and remove what was deployed ({hosts})?"),
    help=(
        N_("Stop the service and remove what was deployed; weights are kept unless --weights is given."),
        N_("Prompts for confirmation; without a terminal, --yes is required."),
    ),
    examples=(
        ("inferfleet down -i inventories/lab", ""),
        ("inferfleet down -i inventories/lab --weights", N_("the weights too")),
        ("inferfleet down -i inventories/lab --limit node2 --yes", N_("one node, from a script")),
        ("inferfleet down -i inventories/lab --check", N_("what would be removed")),
    ),
    done=N_("Removed"),
    interrupted=N_("Run `inferfleet down` again: it continues where this run stopped."),
)
