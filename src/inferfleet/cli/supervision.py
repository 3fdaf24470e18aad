"""What the commands have in common that are given to the supervisors."""

import json
from typing import Annotated

import typer

from inferfleet.cli.execute import execute
from inferfleet.cli.options import RUN_PANEL, RunOptions
from inferfleet.cli.registry import Command
from inferfleet.messages import N_

ReplicaOption = Annotated[
    str,
    typer.Option(
        "--replica",
        metavar="REPLICA",
        show_default=False,
        rich_help_panel=RUN_PANEL,
        help=N_("Only this replica: its name, or one of its nodes."),
    ),
]
YesOption = Annotated[
    bool,
    typer.Option("--yes", "-y", metavar="", rich_help_panel=RUN_PANEL, help=N_("Do not prompt for confirmation.")),
]


def command_replicas(command: Command, options: RunOptions, replica: str, *, confirmed: bool = True) -> int:
    """Run the playbook that gives a command of an operator to the supervisors, and return the exit code."""
    settings = {"supervisor_command": command.name, "supervisor_replica": replica}
    extra_vars = [json.dumps(settings, ensure_ascii=False)]
    return execute(command, options, extra_vars=extra_vars, confirmed=confirmed)
