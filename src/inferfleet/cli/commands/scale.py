"""`inferfleet scale`: start replicas on nodes that joined the inventory."""

import json

import typer

from inferfleet.cli.commands.up import up_blocks
from inferfleet.cli.execute import execute
from inferfleet.cli.options import RunOptions, takes_run_options
from inferfleet.cli.registry import Command
from inferfleet.messages import N_


@takes_run_options
def scale(options: RunOptions) -> None:
    """Run the playbook that deploys the complete service, and refuse it if it would replace a running replica."""
    variables = {"engine_switch_command": "scale", "engine_switch_keep_running": True}
    raise typer.Exit(execute(COMMAND, options, extra_vars=[json.dumps(variables)]))


COMMAND = Command(
    name="scale",
    run=scale,
    position=230,
    playbook="site.yml",
    help=(
        N_("Deploy further replicas on nodes that were added to hosts.yml; running replicas are not changed."),
        N_("A run that would replace a running replica is refused before anything stops."),
    ),
    examples=(
        ("inferfleet scale -i inventories/a800", ""),
        ("inferfleet scale -i inventories/a800 --check", N_("what would change")),
    ),
    done=N_("Scaled"),
    interrupted=N_("Run `inferfleet scale` again: it continues where this run stopped."),
    summarize=up_blocks,
)
