"""`inferfleet down`: stop and remove what was deployed."""

from typing import Annotated

import typer

from inferfleet.cli.execute import execute
from inferfleet.cli.options import RUN_PANEL, RunOptions, takes_run_options
from inferfleet.cli.verbs import DOWN

EXAMPLES = """[bold]Examples[/bold]

inferfleet down -i inventories/lab

inferfleet down -i inventories/lab --weights  [dim]# the weights too[/dim]

inferfleet down -i inventories/lab --check  [dim]# what would be removed[/dim]
"""


@takes_run_options
def down(
    options: RunOptions,
    weights: Annotated[
        bool,
        typer.Option(
            "--weights",
            metavar="",
            rich_help_panel=RUN_PANEL,
            help="Remove the model's weights too: they must be downloaded again.",
        ),
    ] = False,
) -> None:
    """Stop the service and remove what was deployed; weights stay unless told otherwise."""
    raise typer.Exit(execute(DOWN, options, extra_vars=["reset_weights=true"] if weights else []))
