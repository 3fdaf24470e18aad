"""`inferfleet bundle`: make an air-gap bundle."""

import json
from pathlib import Path
from typing import Annotated

import typer

from inferfleet.cli.execute import execute
from inferfleet.cli.options import RUN_PANEL, RunOptions, takes_run_options
from inferfleet.cli.verbs import BUNDLE

EXAMPLES = """[bold]Examples[/bold]

inferfleet bundle -i inventories/a800 --path /srv/bundle --system ubuntu-22.04

inferfleet bundle -i inventories/a800 --path /srv/bundle --system ubuntu-22.04 --weights  [dim]# 1.4 TB for BF16[/dim]

inferfleet up -i inventories/a800 -e offline_bundle=/srv/bundle  [dim]# on the site, without any network[/dim]
"""


@takes_run_options
def bundle(
    options: RunOptions,
    path: Annotated[
        Path, typer.Option("--path", metavar="FOLDER", help="Where the bundle goes.", rich_help_panel=RUN_PANEL)
    ],
    system: Annotated[
        list[str] | None,
        typer.Option(
            "--system",
            metavar="NAME",
            help="System of the nodes: debian-12, ubuntu-22.04, rocky-9, … Repeatable.",
            rich_help_panel=RUN_PANEL,
        ),
    ] = None,
    weights: Annotated[
        bool,
        typer.Option("--weights", metavar="", help="Put the weights in too.", rich_help_panel=RUN_PANEL),
    ] = False,
) -> None:
    """Collect what a deployment takes from the internet in one folder, for a site without it. Reaches no node.

    Needs Docker and skopeo on this machine. Run it again to bring the folder up to date.
    """
    given = {"bundle_path": str(path.absolute()), "bundle_weights": weights}
    if system:
        given["bundle_systems"] = system
    raise typer.Exit(execute(BUNDLE, options, extra_vars=[json.dumps(given)]))
