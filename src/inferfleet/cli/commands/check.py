"""`inferfleet check`: collect facts of the nodes and plan with them; changes nothing."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from inferfleet.cli.access import access_of
from inferfleet.cli.commands.plan import ExtraVars, Inventory, Json, find_path, form_of, print_cluster, show, to_json
from inferfleet.cli.execute import log_not_writable
from inferfleet.cli.options import AccessOptions, takes_run_options
from inferfleet.cli.output.console import make_console
from inferfleet.cli.output.plan import print_problems
from inferfleet.cli.output.text import tr
from inferfleet.cli.planned import read, write_facts
from inferfleet.cli.registry import Command
from inferfleet.inventory.facts import Facts, flat_facts
from inferfleet.messages import N_, Problem
from inferfleet.planner import ClusterPlan, plan_cluster
from inferfleet.runner.checkout import find_checkout
from inferfleet.runner.command import Access, Request, access_arguments
from inferfleet.runner.errors import UsageError
from inferfleet.runner.events import Event, Fold
from inferfleet.runner.extra_vars import parse_extra_vars, shown_extra_vars
from inferfleet.runner.outcome import Outcome
from inferfleet.runner.run import run
from inferfleet.task_result import reported_reason

PLAYBOOK = "playbooks/facts.yml"


@takes_run_options
def check(
    options: AccessOptions,
    inventory: Inventory,
    facts: Annotated[
        Path | None,
        typer.Option("--facts", metavar="FILE", help=N_("Also write the node facts to this file.")),
    ] = None,
    extra_vars: ExtraVars = None,
    as_json: Json = False,
) -> None:
    """Print the nodes with their facts, and the plan based on them."""
    try:
        cwd = Path.cwd()
        root, path = find_checkout(cwd, os.environ), find_path(inventory)
        access = access_of(options, cwd)
        known = read(path, extra_vars or [], access)
        cluster = plan_cluster(known)
        gathered, failures = _gather(root, path, extra_vars, cwd, access) if cluster.plans else ({}, [])
        order = [name for plan in cluster.plans for name in plan.nodes]
        gathered = {name: gathered[name] for name in dict.fromkeys([*order, *gathered]) if name in gathered}
        cluster = plan_cluster(known, gathered)
        if facts:
            write_facts(facts, gathered)
    except UsageError as error:
        raise typer.Exit(_refuse(error.problem, as_json=as_json)) from None
    except OSError as error:
        raise typer.Exit(_refuse(log_not_writable(error), as_json=as_json)) from None
    if not cluster.plans:
        raise typer.Exit(show(cluster, as_json=as_json))
    if as_json:
        form = form_of(cluster)
        form |= {"facts": gathered, "problems": [*(problem.as_dict() for problem in failures), *form["problems"]]}
        typer.echo(to_json(form))
    else:
        console = make_console()
        console.print(_nodes(gathered, [p.message for p in failures]))
        if gathered or not failures:  # otherwise the plan is the one of `inferfleet plan`
            console.print()
            print_cluster(console, cluster, concluded=not failures)
        print_problems(console, failures)
    outcome = _outcome(cluster, failures)
    if not as_json:
        words = ["-i", inventory, *access_arguments(access, cwd)]
        words += [part for item in parse_extra_vars(extra_vars or [], cwd) for part in shown_extra_vars(item, root)]
        console.print()
        console.print(Text(next_step(outcome, shlex.join(words)), style="bold"), soft_wrap=True)
    raise typer.Exit(outcome.exit_code)


def _outcome(cluster: ClusterPlan, failures: Sequence[Problem]) -> Outcome:
    if failures:
        own = {problem.code for problem in failures} == {"not-root"}
        return Outcome.BAD_INPUT if own else Outcome.UNREACHABLE
    return Outcome.OK if cluster.works else Outcome.REQUIREMENTS_NOT_MET


def next_step(outcome: Outcome, arguments: str) -> str:
    """Return what to do after a check; `arguments` are those of the next command."""
    again = N_("Next: follow the remedies above, then run `inferfleet check {arguments}` again.")
    step = N_("Next: deploy with `inferfleet up {arguments}`.") if outcome is Outcome.OK else again
    return tr(step, arguments=arguments)


def _refuse(problem: Problem, *, as_json: bool) -> int:
    return show(ClusterPlan(inventory_problems=(problem,)), as_json=as_json)


def _gather(
    root: Path, path: str, extra_vars: list[str] | None, cwd: Path, access: Access
) -> tuple[Facts, list[Problem]]:
    facts: dict[str, dict[str, Any]] = {}
    failures: list[Problem] = []

    def collect(event: Event) -> None:
        data = event.get("event_data") or {}
        host, result = str(data.get("host", "")), data.get("res") or {}
        if event.get("event") == "runner_on_ok" and isinstance(result.get("ansible_facts"), dict):
            for name, value in result["ansible_facts"].items():
                if name.startswith("inferfleet_"):
                    facts.setdefault(host, {})[name] = value
        if data.get("task_action") == "check_reachability":
            failures.extend(Problem.from_dict(form) for form in result.get("problems") or ())
        elif event.get("event") == "runner_on_failed":
            reported = reported_reason(result)
            why = " ".join(reported.split())[:200] if isinstance(reported, str) else reported
            remedy = N_("Fix this on the node, then run `inferfleet check` again.")
            failures.append(Problem("facts-failed", N_("{host}: {reason}"), remedy, host=host, reason=why))

    variables = parse_extra_vars(extra_vars or [], cwd)
    request = Request(root=root, playbook=PLAYBOOK, inventory=path, extra_vars=variables, access=access)
    run(request, Fold({}), collect, lambda: None)
    return facts, failures


def _nodes(facts: Facts, failures: list[str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in (N_("Node"), N_("Accelerators"), N_("Driver"), "RDMA", N_("Problems")):
        table.add_column(tr(column), overflow="fold")
    for host, reported in facts.items():
        node = flat_facts(reported)
        devices = node.get("accelerators") or []
        names = sorted({str(device.get("name")) for device in devices})
        problems = [Problem.from_dict(p).message for part in reported.values() for p in part.get("problems", ())]
        table.add_row(
            host,
            f"{len(devices)} × {', '.join(names)}" if devices else tr(N_("none")),
            str(node.get("driver_version") or ""),
            ", ".join(str(device["name"]) for device in node.get("rdma") or ()),
            Text(" ".join(problems), style="yellow"),
        )
    if failures and not facts:
        table.add_row(tr(N_("no node answered")), "", "", "", "")
    return table


COMMAND = Command(
    name="check",
    run=check,
    position=40,
    help=(
        N_(
            "Connect to the nodes, collect their hardware and software facts, and print nodes, plan and"
            " problems. Changes nothing."
        ),
        N_(
            "Exits with code 1 for an invalid inventory, 3 when hardware requirements are not met and 4 when"
            " a node is unreachable."
        ),
    ),
    examples=(
        ("inferfleet check -i inventories/a800", ""),
        ("inferfleet check -i inventories/a800 --facts facts.json", ""),
    ),
)
