"""`inferfleet stop`: stop replicas until they are started."""

import typer

from inferfleet.cli.options import RunOptions, takes_run_options
from inferfleet.cli.output.supervision import replica_blocks
from inferfleet.cli.registry import Command
from inferfleet.cli.supervision import ReplicaOption, YesOption, command_replicas
from inferfleet.messages import N_


@takes_run_options
def stop(options: RunOptions, replica: ReplicaOption = "", yes: YesOption = False) -> None:
    """Run the playbook that stops replicas."""
    raise typer.Exit(command_replicas(COMMAND, options, replica, confirmed=yes))


COMMAND = Command(
    name="stop",
    run=stop,
    position=320,
    playbook="playbooks/supervision.yml",
    question=N_("Stop replicas of {inventory} ({hosts}) until `inferfleet start`?"),
    help=(
        N_("Stop all replicas, or one, on all of its nodes. They stay stopped, also after a reboot."),
        N_("`inferfleet start` or `inferfleet up` starts them. Prompts for confirmation."),
    ),
    examples=(
        ("inferfleet stop -i inventories/a800", ""),
        ("inferfleet stop -i inventories/a800 --replica replica-2 --yes", N_("one replica, from a script")),
    ),
    done=N_("Stopped"),
    interrupted=N_("The command was given, if its task ran: `inferfleet status` shows the state of each replica."),
    summarize=replica_blocks,
)
