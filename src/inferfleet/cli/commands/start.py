"""`inferfleet start`: start stopped replicas and wait until they serve."""

import typer

from inferfleet.cli.options import RunOptions, takes_run_options
from inferfleet.cli.output.supervision import replica_blocks
from inferfleet.cli.registry import Command
from inferfleet.cli.supervision import ReplicaOption, command_replicas
from inferfleet.messages import N_


@takes_run_options
def start(options: RunOptions, replica: ReplicaOption = "") -> None:
    """Run the playbook that starts replicas."""
    raise typer.Exit(command_replicas(COMMAND, options, replica))


COMMAND = Command(
    name="start",
    run=start,
    position=330,
    playbook="playbooks/supervision.yml",
    help=(
        N_("Start all replicas that were stopped, or one, and wait until they serve."),
        N_("A replica that waits for its next start after a failure starts at once, with a new restart budget."),
    ),
    examples=(
        ("inferfleet start -i inventories/a800", ""),
        ("inferfleet start -i inventories/a800 --replica replica-2", ""),
    ),
    done=N_("Started"),
    interrupted=N_("The command was given, if its task ran: `inferfleet status` shows the state of each replica."),
    summarize=replica_blocks,
)
