"""`inferfleet status`: ask the service itself how it is."""

import typer

from inferfleet.cli.execute import execute
from inferfleet.cli.options import RunOptions, takes_run_options
from inferfleet.cli.verbs import STATUS

EXAMPLES = """[bold]Examples[/bold]

inferfleet status -i inventories/lab

inferfleet status -i inventories/lab --json | jq .outcome
"""


@takes_run_options
def status(options: RunOptions) -> None:
    """Ask Ray, the engine (by a real completion) and Open WebUI how they are.

    Leaves with 2 when one of them does not work.
    """
    raise typer.Exit(execute(STATUS, options))
