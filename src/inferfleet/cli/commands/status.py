"""`inferfleet status`: check the running service."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from inferfleet.cli.commands.drain import drained_rows
from inferfleet.cli.execute import execute, refuse
from inferfleet.cli.options import RUN_PANEL, RunOptions, takes_run_options
from inferfleet.cli.output.row import Row
from inferfleet.cli.output.sections import broken, check_rows, service_rows
from inferfleet.cli.output.text import tr
from inferfleet.cli.registry import Command
from inferfleet.cli.watch import watch
from inferfleet.messages import N_
from inferfleet.runner.errors import UsageError
from inferfleet.runner.outcome import Outcome


@takes_run_options
def status(
    options: RunOptions,
    watching: Annotated[
        bool,
        typer.Option(
            "--watch",
            "-w",
            metavar="",
            rich_help_panel=RUN_PANEL,
            help=N_("Show replicas, requests, tokens, KV cache and GPUs every 2 seconds, until Ctrl-C."),
        ),
    ] = False,
) -> None:
    """Run the playbook that checks the service, or watch it."""
    if not watching:
        raise typer.Exit(execute(COMMAND, options))
    try:
        raise typer.Exit(watch(options))
    except UsageError as error:
        refuse(error.problem, COMMAND.name, options)
        raise typer.Exit(Outcome.BAD_INPUT.exit_code) from None


def _outcome(outcome: Outcome, result: Mapping[str, Any]) -> Outcome:
    return Outcome.FAILED if outcome is Outcome.OK and broken(result) else outcome


def _heading(outcome: Outcome, result: Mapping[str, Any]) -> str:
    return tr(N_("Some checks failed")) if outcome is Outcome.FAILED and broken(result) else ""


def _blocks(result: Mapping[str, Any], succeeded: bool) -> list[list[Row]]:
    repair = Row(
        tr(N_("next")), tr(N_("Run `inferfleet doctor` to find the cause, or `inferfleet up` to repair the service."))
    )
    return [check_rows(result), drained_rows(result), service_rows(result), [repair] if broken(result) else []]


COMMAND = Command(
    name="status",
    run=status,
    position=110,
    playbook="playbooks/status.yml",
    changes_nodes=False,
    help=(
        N_("Check Ray, the engine (with a real completion), its supervisor, the gateway and Open WebUI."),
        N_("Exits with code 2 when a check fails."),
    ),
    examples=(
        ("inferfleet status -i inventories/lab", ""),
        ("inferfleet status -i inventories/lab --watch", N_("a live view")),
        ("inferfleet status -i inventories/lab --json | jq .outcome", ""),
    ),
    done=N_("All checks passed"),
    summarize=_blocks,
    outcome=_outcome,
    heading=_heading,
)
