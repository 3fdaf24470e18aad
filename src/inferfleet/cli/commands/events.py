"""`inferfleet events`: what happened to the replicas."""

import json
from typing import Annotated

import typer

from inferfleet.cli.durations import seconds_of, wrong_span
from inferfleet.cli.execute import execute, refuse
from inferfleet.cli.options import RUN_PANEL, RunOptions, takes_run_options
from inferfleet.cli.output.supervision import event_blocks
from inferfleet.cli.registry import Command
from inferfleet.cli.supervision import ReplicaOption
from inferfleet.messages import N_
from inferfleet.runner.outcome import Outcome


@takes_run_options
def events(
    options: RunOptions,
    since: Annotated[
        str,
        typer.Option(
            "--since", metavar="TIME", rich_help_panel=RUN_PANEL, help=N_("Time span of the events: 30m, 1h, 7d.")
        ),
    ] = "7d",
    replica: ReplicaOption = "",
) -> None:
    """Run the playbook that lists the events."""
    seconds = seconds_of(since)
    if seconds is None:
        refuse(wrong_span(since), COMMAND.name, options)
        raise typer.Exit(Outcome.BAD_INPUT.exit_code)
    settings = {"supervisor_since": seconds, "supervisor_replica": replica}
    raise typer.Exit(execute(COMMAND, options, extra_vars=[json.dumps(settings, ensure_ascii=False)]))


COMMAND = Command(
    name="events",
    run=events,
    position=120,
    playbook="playbooks/events.yml",
    changes_nodes=False,
    help=(
        N_("List what the supervisors have recorded: failures, restarts, their reasons and lost nodes."),
        N_("Each node keeps at least the last 3 MiB of its events, which usually are those of many weeks."),
    ),
    examples=(
        ("inferfleet events -i inventories/a800", ""),
        ("inferfleet events -i inventories/a800 --since 1h --replica replica-2", ""),
        ("inferfleet events -i inventories/a800 --json | jq '.result.events[] | select(.event == \"restart\")'", ""),
    ),
    done=N_("Events listed"),
    summarize=event_blocks,
)
