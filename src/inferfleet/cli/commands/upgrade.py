"""`inferfleet upgrade`: replace running replicas one after another."""

import json
from typing import Annotated, Any

import typer

from inferfleet.cli.commands.up import up_blocks
from inferfleet.cli.execute import execute
from inferfleet.cli.options import RUN_PANEL, RunOptions, takes_run_options
from inferfleet.cli.registry import Command
from inferfleet.messages import N_

DrainTimeout = Annotated[
    int,
    typer.Option(
        "--drain-timeout",
        min=1,
        metavar="SECONDS",
        rich_help_panel=RUN_PANEL,
        help=N_("Wait at most this long until the running requests of a drained replica have finished."),
    ),
]
Yes = Annotated[
    bool,
    typer.Option(
        "--yes",
        "-y",
        metavar="",
        rich_help_panel=RUN_PANEL,
        help=N_("Confirm that a model does not answer while its only replica is replaced."),
    ),
]


@takes_run_options
def upgrade(options: RunOptions, drain_timeout: DrainTimeout = 600, yes: Yes = False) -> None:
    """Run the playbook that deploys the complete service; an interruption must be confirmed."""
    raise typer.Exit(execute(COMMAND, options, extra_vars=[run_variables("upgrade", drain_timeout, yes)]))


def run_variables(command: str, drain_timeout: int, yes: bool) -> str:
    """Return the variables of a run that replaces replicas, as JSON."""
    variables: dict[str, Any] = {
        "engine_switch_command": command,
        "engine_switch_refuse_interruption": True,
        "engine_switch_interruption_confirmed": yes,
        "gateway_drain_seconds": drain_timeout,
    }
    return json.dumps(variables)


COMMAND = Command(
    name="upgrade",
    run=upgrade,
    position=12,
    playbook="site.yml",
    help=(
        N_("Deploy another engine version, image or other settings: each replica is drained, replaced and verified."),
        N_("The first failure stops the run: that replica returns to what it ran, and the others are not changed."),
        N_("Settings of -e apply to this run: keep them in the inventory, which the next `inferfleet up` deploys."),
    ),
    examples=(
        ("inferfleet upgrade -i inventories/a800 -e engine_version=0.32.0", ""),
        ("inferfleet upgrade -i inventories/a800", N_("the settings of the inventory")),
        ("inferfleet upgrade -i inventories/a800 -e max_num_seqs=64 --check", N_("what would change")),
        ("inferfleet upgrade -i inventories/h20 -e engine_version=0.32.0 --yes", N_("a single replica, from a script")),
    ),
    done=N_("Upgraded"),
    interrupted=N_("Run the same command again: it continues with the replicas that are not replaced yet."),
    failed=N_("Return all replicas to the last good release with `inferfleet rollback`, or run the command again."),
    summarize=up_blocks,
)
