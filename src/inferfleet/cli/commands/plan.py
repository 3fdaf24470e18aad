"""`inferfleet plan`: the plan of the inventory alone, or with recorded facts."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from inferfleet.cli.access import access_of
from inferfleet.cli.options import VaultOptions, takes_run_options
from inferfleet.cli.output.console import make_console
from inferfleet.cli.output.gateway import print_gateway
from inferfleet.cli.output.plan import print_plans, print_problems
from inferfleet.cli.planned import read, read_facts
from inferfleet.cli.registry import Command
from inferfleet.messages import N_
from inferfleet.planner import ClusterPlan, plan_cluster
from inferfleet.runner.checkout import find_checkout, find_inventory, inventory_in
from inferfleet.runner.errors import UsageError
from inferfleet.runner.outcome import Outcome

Inventory = Annotated[
    str,
    typer.Option(
        "-i",
        "--inventory",
        metavar="PATH",
        envvar="INFERFLEET_INVENTORY",
        help=N_("The cluster: an inventory folder or file."),
    ),
]
ExtraVars = Annotated[
    list[str] | None,
    typer.Option("-e", "--extra-vars", metavar="KEY=VALUE", help=N_("Set a variable for this command. Repeatable.")),
]
Json = Annotated[bool, typer.Option("--json", metavar="", help=N_("Print one JSON document."))]


@takes_run_options
def plan(
    options: VaultOptions,
    inventory: Inventory,
    facts: Annotated[
        Path | None,
        typer.Option("--facts", metavar="FILE", help=N_("Node facts, as written by `inferfleet check --facts FILE`.")),
    ] = None,
    extra_vars: ExtraVars = None,
    all_layouts: Annotated[
        bool,
        typer.Option("--all", metavar="", help=N_("List all layouts, ranked, with the reason each was not chosen.")),
    ] = False,
    as_json: Json = False,
) -> None:
    """Print the plan of the inventory."""
    try:
        access = access_of(options, Path.cwd())
        cluster = plan_cluster(read(find_path(inventory), extra_vars or [], access), read_facts(facts))
    except UsageError as error:
        cluster = ClusterPlan(inventory_problems=(error.problem,))
    raise typer.Exit(show(cluster, as_json=as_json, all_layouts=all_layouts))


def show(cluster: ClusterPlan, *, as_json: bool, all_layouts: bool = False) -> int:
    """Print the plan of each service, or the problems that prevent it, and return the exit code."""
    if not cluster.plans:
        if as_json:
            typer.echo(to_json({"problems": [problem.as_dict() for problem in cluster.problems], "nodes": {}}))
        print_problems(make_console(stderr=True), cluster.problems)
        return Outcome.BAD_INPUT.exit_code
    if as_json:
        typer.echo(to_json(form_of(cluster, all_layouts=all_layouts)))
    else:
        print_cluster(make_console(), cluster, alternatives=all_layouts)
    return Outcome.OK.exit_code if cluster.works else Outcome.REQUIREMENTS_NOT_MET.exit_code


def print_cluster(
    console: Console, cluster: ClusterPlan, *, alternatives: bool = False, concluded: bool = True
) -> None:
    """Print the plan of each service, and the gateway if they work."""
    print_plans(console, cluster.plans, alternatives=alternatives, concluded=concluded)
    if cluster.works:
        print_gateway(console, cluster.gateway)


def form_of(cluster: ClusterPlan, *, all_layouts: bool = False) -> dict[str, Any]:
    """Return the JSON form of the plan with `gateway`.

    Several services or replicas are in `services`, with the problems of all in `problems`.
    """
    gateway = {"gateway": cluster.gateway.as_dict() if cluster.gateway.hosts else None}
    forms = {}
    for plan in cluster.plans:
        forms[plan.name] = plan.as_dict()
        if all_layouts:
            forms[plan.name]["alternatives"] = plan.alternatives_as_dicts()
    if not cluster.plans[0].name:
        return forms[""] | gateway
    problems = [problem for form in forms.values() for problem in form["problems"]]
    return {"services": forms, **gateway, "problems": problems}


def to_json(form: dict[str, Any]) -> str:
    """Return the document as text."""
    return json.dumps(form, indent=2, ensure_ascii=False)


def find_path(inventory: str) -> str:
    """Return the path of the inventory; it may be outside a checkout."""
    cwd = Path.cwd()
    if "," not in inventory and (path := inventory_in(cwd, inventory)):
        return path
    return find_inventory(inventory, cwd, find_checkout(cwd, os.environ))


COMMAND = Command(
    name="plan",
    run=plan,
    position=20,
    help=(
        N_("Plan the service without connecting to any node: engine, precision, layout, memory, command lines."),
        N_("Exits with code 1 for an invalid inventory and 3 when hardware requirements are not met."),
    ),
    examples=(
        ("inferfleet plan -i inventories/a800", ""),
        ("inferfleet plan -i inventories/h800 --all", ""),
        ("inferfleet plan -i inventories/v100 --json | jq '.nodes[].argv'", ""),
    ),
)
