"""`inferfleet rollback`: return all replicas to an earlier release."""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from inferfleet.cli.commands.up import up_blocks
from inferfleet.cli.commands.upgrade import DrainTimeout, Yes, run_variables
from inferfleet.cli.execute import execute, refuse
from inferfleet.cli.options import RUN_PANEL, RunOptions, takes_run_options
from inferfleet.cli.output.row import Row
from inferfleet.cli.output.sections import mappings
from inferfleet.cli.output.text import tr
from inferfleet.cli.registry import Command
from inferfleet.messages import N_
from inferfleet.runner.checkout import find_checkout, find_inventory
from inferfleet.runner.errors import UsageError
from inferfleet.runner.outcome import Outcome
from inferfleet.upgrade import FOLDER, ReleaseFolder, ReleaseMissingError


@takes_run_options
def rollback(
    options: RunOptions,
    list_releases: Annotated[
        bool,
        typer.Option("--list", metavar="", rich_help_panel=RUN_PANEL, help=N_("List the releases; change nothing.")),
    ] = False,
    to: Annotated[
        int | None,
        typer.Option(
            "--to",
            min=1,
            metavar="N",
            show_default=False,
            rich_help_panel=RUN_PANEL,
            help=N_("Number of the release; without it, the last good one before what is deployed now."),
        ),
    ] = None,
    drain_timeout: DrainTimeout = 600,
    yes: Yes = False,
) -> None:
    """Run the playbook that deploys the complete service, with the settings of a release."""
    if list_releases:
        listing = replace(COMMAND, playbook="playbooks/releases.yml", changes_nodes=False, done=N_("Releases listed"))
        raise typer.Exit(execute(listing, options))
    try:
        folder = ReleaseFolder(_folder(options.inventory))
        number = folder.target(to or 0)
    except ReleaseMissingError as error:
        refuse(error.problem, COMMAND.name, options)
        raise typer.Exit(Outcome.BAD_INPUT.exit_code) from None
    except UsageError as error:
        refuse(error.problem, COMMAND.name, options)
        raise typer.Exit(Outcome.BAD_INPUT.exit_code) from None
    command = f"rollback --to {number}"
    images = json.dumps({"container_images_recorded": folder.images(number)})
    settings = [f"@{folder.settings(number)}", images, run_variables(command, drain_timeout, yes)]
    raise typer.Exit(execute(COMMAND, options, extra_vars=settings))


def _folder(inventory: str) -> Path:
    """Return the folder of the releases: next to the inventory, as Ansible's `inventory_dir`."""
    path = Path(find_inventory(inventory, Path.cwd(), find_checkout(Path.cwd(), os.environ)))
    return (path if path.is_dir() else path.parent) / FOLDER


def rollback_blocks(result: Mapping[str, Any], succeeded: bool) -> list[list[Row]]:
    """Return the releases, or what `inferfleet up` reports."""
    if "releases" not in result:
        return up_blocks(result, succeeded)
    rows = [_row(release) for release in mappings(result["releases"])]
    if result.get("unfinished"):
        rows.insert(0, Row(tr(N_("now")), tr(N_("the last deployment has not finished"))))
    return [rows or [Row(tr(N_("releases")), tr(N_("none is recorded")))]]


def _row(release: Mapping[str, Any]) -> Row:
    services = [
        tr(
            N_("{model}: {engine} {version}, {image}, settings: {settings}"),
            model=service["model"],
            engine=service["engine"],
            version=service["engine_version"],
            image=service["image_digest"] or service["image"],
            settings=", ".join(f"{name}={value}" for name, value in service["settings"].items()),
        )
        for service in {
            (one["model"], one["engine_version"], one["image"]): one for one in release["services"].values()
        }.values()
    ]
    about = tr(N_("{when}, {command}"), when=release["when"], command=release["command"])
    return Row(str(release["number"]), "\n".join([about, *services]))


COMMAND = Command(
    name="rollback",
    run=rollback,
    position=220,
    playbook="site.yml",
    help=(
        N_("Return all replicas to the last good release, one after another as in `inferfleet upgrade`."),
        N_("Images are those of the release, by digest, also if a tag has moved since."),
        N_("A release is recorded in INVENTORY/.releases when `inferfleet up` or `inferfleet upgrade` has finished."),
        N_("The inventory is not changed: set its settings as in the release, or the next run deploys them again."),
    ),
    examples=(
        ("inferfleet rollback --list -i inventories/a800", ""),
        ("inferfleet rollback -i inventories/a800", ""),
        ("inferfleet rollback --to 3 -i inventories/a800 --check", N_("what would change")),
    ),
    done=N_("Rolled back"),
    interrupted=N_("Run `inferfleet rollback` again: it continues with the replicas that are not replaced yet."),
    summarize=rollback_blocks,
)
