"""`inferfleet drain`: take a replica out of service at the gateway, and use it again."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from inferfleet.cli.execute import execute, refuse
from inferfleet.cli.options import RUN_PANEL, RunOptions, takes_run_options
from inferfleet.cli.output.row import Row
from inferfleet.cli.output.sections import mappings
from inferfleet.cli.output.text import count, tr
from inferfleet.cli.registry import Command
from inferfleet.messages import N_, Problem
from inferfleet.runner.outcome import Outcome


@takes_run_options
def drain(
    options: RunOptions,
    replica: Annotated[
        str,
        typer.Argument(metavar="REPLICA", show_default=False, help=N_("Name of the replica, or of one of its nodes.")),
    ] = "",
    undo: Annotated[
        bool, typer.Option("--undo", metavar="", rich_help_panel=RUN_PANEL, help=N_("Use the replica again."))
    ] = False,
    list_replicas: Annotated[
        bool,
        typer.Option(
            "--list", metavar="", rich_help_panel=RUN_PANEL, help=N_("List the replicas with their requests.")
        ),
    ] = False,
    timeout: Annotated[
        int,
        typer.Option(
            "--timeout",
            min=1,
            metavar="SECONDS",
            rich_help_panel=RUN_PANEL,
            help=N_("Wait at most this long until no request is running."),
        ),
    ] = 600,
) -> None:
    """Run the playbook that changes or lists the replicas."""
    if bool(replica) == list_replicas or (undo and list_replicas):
        refuse(_NO_REPLICA, COMMAND.name, options)
        raise typer.Exit(Outcome.BAD_INPUT.exit_code)
    state = "" if list_replicas else "ready" if undo else "drain"
    settings = {"gateway_replica": replica, "gateway_replica_state": state, "gateway_drain_seconds": timeout}
    raise typer.Exit(execute(COMMAND, options, extra_vars=[json.dumps(settings, ensure_ascii=False)]))


_NO_REPLICA = Problem(
    "no-replica",
    N_("The command needs either a replica or --list."),
    N_("Name the replica, or list all with --list."),
)


def drain_blocks(result: Mapping[str, Any], succeeded: bool) -> list[list[Row]]:
    """Return a row for each replica of each gateway."""
    reports = result.get("replicas")
    if not isinstance(reports, Mapping):
        return []
    return [[_row(replica, host) for replica in mappings(replicas)] for host, replicas in reports.items()]


def drained_rows(result: Mapping[str, Any]) -> list[Row]:
    """Return a row for each replica that is drained at a gateway, and how to use them again; empty without one."""
    reports = result.get("replicas")
    drained = [
        (replica, host)
        for host, replicas in (reports.items() if isinstance(reports, Mapping) else ())
        for replica in mappings(replicas)
        if replica["drained"]
    ]
    names = dict.fromkeys(str(replica["replica"]) for replica, _ in drained)
    undo = N_("`inferfleet drain {replica} --undo` uses the replica again.")
    return [*(_row(*each) for each in drained), *(Row("", tr(undo, replica=name)) for name in names)]


def _row(replica: Mapping[str, Any], host: str) -> Row:
    healthy = tr(N_("serving")) if replica["healthy"] else tr(N_("unhealthy"))
    state = tr(N_("drained")) if replica["drained"] else healthy
    requests = count(replica["requests"], N_("{count} running request"), N_("{count} running requests"))
    text = N_("{state}, {requests} ({model}, gateway {host})")
    return Row(str(replica["replica"]), tr(text, state=state, requests=requests, model=replica["model"], host=host))


COMMAND = Command(
    name="drain",
    run=drain,
    position=310,
    playbook="playbooks/drain.yml",
    changes_nodes=False,  # it changes no service, so that it need not wait for a run that does
    help=(
        N_("Send no new requests to a replica, and wait until its running ones have finished; --undo uses it again."),
        N_("A drained replica stays so after a reload or restart of the gateway, and after `inferfleet up`."),
    ),
    examples=(
        ("inferfleet drain --list -i inventories/a800", ""),
        ("inferfleet drain replica-2 -i inventories/a800", ""),
        ("inferfleet drain replica-2 -i inventories/a800 --undo", ""),
        ("inferfleet drain node7 -i inventories/a800", N_("before the node is rebooted")),
    ),
    done=N_("Done"),
    interrupted=N_("A replica that was drained stays so: use it again with --undo."),
    failed=N_("A replica that was drained stays so: use it again with --undo."),
    summarize=drain_blocks,
)
