"""`inferfleet report`: one HTML file about the fleet and its service."""

import json
from pathlib import Path
from typing import Annotated

import typer

from inferfleet.cli.execute import execute
from inferfleet.cli.options import RUN_PANEL, RunOptions, takes_run_options
from inferfleet.cli.verbs import REPORT

EXAMPLES = """[bold]Examples[/bold]

inferfleet report -i inventories/a800  [dim]# writes inventories/a800/report.html[/dim]

inferfleet report -i inventories/a800 --output /srv/www/r1.html
"""


@takes_run_options
def report(
    options: RunOptions,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FILE",
            help="Where the report goes, instead of INVENTORY/report.html.",
            rich_help_panel=RUN_PANEL,
        ),
    ] = None,
) -> None:
    """Write one HTML file about fleet, plan, weights, network, versions, speed and accuracy, in English and Chinese.

    Asks the nodes what they run; what was proved and measured is what earlier runs have left in INVENTORY/.results.
    Changes no node. The file needs no network and can be sent by mail.
    """
    given = [json.dumps({"report_path": str(output.absolute())})] if output else []
    raise typer.Exit(execute(REPORT, options, extra_vars=given))
