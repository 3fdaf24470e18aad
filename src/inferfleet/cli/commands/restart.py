"""`inferfleet restart`: restart replicas as a group and wait until they serve."""

import typer

from inferfleet.cli.options import RunOptions, takes_run_options
from inferfleet.cli.output.supervision import replica_blocks
from inferfleet.cli.registry import Command
from inferfleet.cli.supervision import ReplicaOption, YesOption, command_replicas
from inferfleet.messages import N_


@takes_run_options
def restart(options: RunOptions, replica: ReplicaOption = "", yes: YesOption = False) -> None:
    """Run the playbook that restarts replicas."""
    raise typer.Exit(command_replicas(COMMAND, options, replica, confirmed=yes))


COMMAND = Command(
    name="restart",
    run=restart,
    position=340,
    playbook="playbooks/supervision.yml",
    question=N_("Restart replicas of {inventory} ({hosts})? They do not serve until they have loaded."),
    help=(
        N_("Restart all replicas at the same time, or one, on all of their nodes, and wait until they serve."),
        N_("To restart without an outage, name one replica after the other. Prompts for confirmation."),
    ),
    examples=(
        ("inferfleet restart -i inventories/a800 --replica replica-1", ""),
        ("inferfleet restart -i inventories/a800 --yes", N_("all, from a script")),
    ),
    done=N_("Restarted"),
    interrupted=N_("The command was given, if its task ran: `inferfleet status` shows the state of each replica."),
    summarize=replica_blocks,
)
