"""`inferfleet weights`: bring, prove, list and remove the model's files, without touching the service."""

from typing import Annotated

import typer

from inferfleet.cli.execute import execute
from inferfleet.cli.options import RUN_PANEL, RunOptions, takes_run_options
from inferfleet.cli.verbs import WEIGHTS_LIST, WEIGHTS_PULL, WEIGHTS_REMOVE, WEIGHTS_VERIFY

weights = typer.Typer(help="Bring, prove, list and remove the model's files.", no_args_is_help=True)

_PULL = """[bold]Examples[/bold]

inferfleet weights pull -i inventories/a800

inferfleet weights pull -i inventories/a800 -e '{"model_weights_wan_nodes": ["a800-01"]}'

inferfleet weights pull -i inventories/a800 -e '{"model_weights_wan_nodes": ["localhost"]}'  [dim]# through here[/dim]
"""
_VERIFY = """[bold]Examples[/bold]

inferfleet weights verify -i inventories/a800  [dim]# stamps: seconds[/dim]

inferfleet weights verify -i inventories/a800 --deep  [dim]# every byte[/dim]
"""
_REMOVE = """[bold]Examples[/bold]

inferfleet weights remove -i inventories/a800

inferfleet weights remove -i inventories/a800 --partial  [dim]# what broken downloads left[/dim]
"""


@weights.command(epilog=_PULL)
@takes_run_options
def pull(options: RunOptions) -> None:
    """Bring the weights to every node: one copy over the WAN, the rest from node to node."""
    raise typer.Exit(execute(WEIGHTS_PULL, options))


@weights.command(epilog=_VERIFY)
@takes_run_options
def verify(
    options: RunOptions,
    deep: Annotated[
        bool,
        typer.Option(
            "--deep", metavar="", rich_help_panel=RUN_PANEL, help="Hash every file, and bring anew what is wrong."
        ),
    ] = False,
) -> None:
    """Prove that every node holds the model whole, and the same; mend what is not."""
    raise typer.Exit(execute(WEIGHTS_VERIFY, options, extra_vars=[f"model_weights_deep={str(deep).lower()}"]))


@weights.command("list")
@takes_run_options
def list_(options: RunOptions) -> None:
    """List the models that lie on the nodes, whole or in part."""
    raise typer.Exit(execute(WEIGHTS_LIST, options))


@weights.command(epilog=_REMOVE)
@takes_run_options
def remove(
    options: RunOptions,
    partial: Annotated[
        bool,
        typer.Option(
            "--partial",
            metavar="",
            rich_help_panel=RUN_PANEL,
            help="Only what broken downloads left, of whatever model; one that runs stays.",
        ),
    ] = False,
) -> None:
    """Remove the weights of the inventory's model from every node; other models stay."""
    extra_vars = ["weights_remove_partial=true"] if partial else []
    raise typer.Exit(execute(WEIGHTS_REMOVE, options, extra_vars=extra_vars))
