"""`inferfleet bundle`: create an air-gap bundle."""

import json
from pathlib import Path
from typing import Annotated

import typer

from inferfleet.cli.execute import execute
from inferfleet.cli.options import RUN_PANEL, RunOptions, takes_run_options
from inferfleet.cli.registry import Command
from inferfleet.messages import N_


@takes_run_options
def bundle(
    options: RunOptions,
    path: Annotated[
        Path, typer.Option("--path", metavar="FOLDER", help=N_("Folder of the bundle."), rich_help_panel=RUN_PANEL)
    ],
    system: Annotated[
        list[str] | None,
        typer.Option(
            "--system",
            metavar="NAME",
            help=N_("Operating system of the nodes: debian-12, ubuntu-22.04, rocky-9, … Repeatable."),
            rich_help_panel=RUN_PANEL,
        ),
    ] = None,
    weights: Annotated[
        bool,
        typer.Option("--weights", metavar="", help=N_("Include the weights."), rich_help_panel=RUN_PANEL),
    ] = False,
) -> None:
    """Run the playbook that creates the bundle."""
    given = {"bundle_path": str(path.absolute()), "bundle_weights": weights}
    if system:
        given["bundle_systems"] = system
    raise typer.Exit(execute(COMMAND, options, extra_vars=[json.dumps(given)]))


COMMAND = Command(
    name="bundle",
    run=bundle,
    position=50,
    playbook="playbooks/bundle.yml",
    changes_nodes=False,
    help=(
        N_(
            "Download everything that a deployment needs from the internet into one folder, for an air-gapped"
            " site. Connects to no node."
        ),
        N_("Requires Docker and skopeo on the controller. Run it again to update the folder."),
    ),
    examples=(
        ("inferfleet bundle -i inventories/a800 --path /srv/bundle --system ubuntu-22.04", ""),
        (
            "inferfleet bundle -i inventories/a800 --path /srv/bundle --system ubuntu-22.04 --weights",
            N_("1.4 TB for BF16"),
        ),
        ("inferfleet up -i inventories/a800 -e offline_bundle=/srv/bundle", N_("at the air-gapped site")),
    ),
    done=N_("The bundle is complete"),
    interrupted=N_("Run `inferfleet bundle` again: it skips the files that are already in the folder."),
)
