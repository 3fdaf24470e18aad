"""`inferfleet report`: one HTML report of the fleet and its services."""

import json
from pathlib import Path
from typing import Annotated

import typer

from inferfleet.cli.execute import execute
from inferfleet.cli.options import RUN_PANEL, RunOptions, takes_run_options
from inferfleet.cli.registry import Command
from inferfleet.messages import N_


@takes_run_options
def report(
    options: RunOptions,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="FILE",
            help=N_("Path of the report, instead of INVENTORY/report.html."),
            rich_help_panel=RUN_PANEL,
        ),
    ] = None,
) -> None:
    """Run the playbook that writes the report."""
    given = [json.dumps({"report_path": str(output.absolute())})] if output else []
    raise typer.Exit(execute(COMMAND, options, extra_vars=given))


COMMAND = Command(
    name="report",
    run=report,
    position=160,
    playbook="playbooks/report.yml",
    changes_nodes=False,
    help=(
        N_(
            "Write one HTML file with fleet, plan, weights, network, versions, performance and accuracy, in"
            " English and Chinese."
        ),
        N_(
            "Reads the current state from the nodes; verification and measurement results come from earlier"
            " runs, stored in INVENTORY/.results. Changes no node. The file needs no network and can be sent"
            " by mail."
        ),
    ),
    examples=(
        ("inferfleet report -i inventories/a800", N_("writes inventories/a800/report.html")),
        ("inferfleet report -i inventories/a800 --output /srv/www/r1.html", ""),
    ),
    done=N_("Report written"),
)
