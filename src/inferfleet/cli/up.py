"""`inferfleet up`: deploy, or bring what is deployed back in line."""

from typing import Annotated

import typer

from inferfleet.cli.execute import execute
from inferfleet.cli.options import RUN_PANEL, RunOptions, takes_run_options
from inferfleet.cli.verbs import UP

EXAMPLES = """[bold]Examples[/bold]

inferfleet up -i inventories/lab

inferfleet up -i inventories/lab --check --diff  [dim]# what would change[/dim]

inferfleet up -i inventories/a800 -e model=deepseek-r1-distill-qwen-32b

inferfleet up -i inventories/a800 --tags inference_engine  [dim]# one stage[/dim]

inferfleet up -i inventories/lab --assert-no-change --junit report.xml  [dim]# CI[/dim]
"""


@takes_run_options
def up(
    options: RunOptions,
    assert_no_change: Annotated[
        bool,
        typer.Option(
            "--assert-no-change",
            metavar="",
            rich_help_panel=RUN_PANEL,
            help="Leave with 5 when anything changed, and name it.",
        ),
    ] = False,
) -> None:
    """Deploy the whole service, stage by stage, and prove that it answers.

    Run it as often as you like: what is already right stays as it is.
    """
    raise typer.Exit(execute(UP, options, assert_no_change=assert_no_change))
