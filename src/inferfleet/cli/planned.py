"""From an inventory (and recorded facts) to a plan, for the commands that print one."""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from inferfleet.cli.read_inventory import Read
from inferfleet.inventory import Inventory, settings_values
from inferfleet.inventory.check import (
    check_addresses,
    check_agreement,
    check_groups,
    check_heard,
    check_keys,
    check_network,
)
from inferfleet.inventory.nodes import service_nodes
from inferfleet.inventory.options import role_options
from inferfleet.inventory.services import Service, services_of
from inferfleet.inventory.values import check_values
from inferfleet.messages import Problem
from inferfleet.planner import Plan, make_plan
from inferfleet.planner.disk import disk_problems
from inferfleet.runner.checkout import find_checkout
from inferfleet.runner.errors import UsageError
from inferfleet.settings import Settings

Facts = Mapping[str, Mapping[str, Any]]
_PARTS = ("inferfleet_accelerators", "inferfleet_fabric", "inferfleet_node")


def plan_inventory(read: Read, facts: Facts) -> tuple[list[Plan], list[Problem]]:
    """Return the plan of each service, or what is wrong with the inventory itself."""
    inventory = Inventory(read.groups, read.variables, in_files=read.in_files)
    problems = check_groups(inventory)
    if inventory.hosts:
        problems += [*check_spelling(read), *check_heard(inventory)]
        problems += [*check_addresses(inventory), *check_values(inventory), *check_agreement(inventory)]
    if not problems:
        problems += check_network(inventory)
    if problems:
        return [], problems
    plans = [_plan(read, facts, service) for service in services_of(read.groups)]
    unknown = [host for host in facts if not any(host in plan.nodes for plan in plans)]
    if unknown:
        note = f"Facts of {', '.join(unknown)} are not used: no such host serves in the inventory."
        plans[0] = replace(plans[0], warnings=[*plans[0].warnings, note])
    return plans, []


def _plan(read: Read, facts: Facts, service: Service) -> Plan:
    settings = Settings.model_validate(settings_values(read.variables[service.heads[0]]))
    nodes = make_nodes(read, facts, service)
    plan = make_plan(settings, nodes)
    more = disk_problems(plan, nodes, settings.model_root)
    return replace(plan, problems=[*plan.problems, *more]).of_service(service.name)


def check_spelling(read: Read) -> list[Problem]:
    """Return the variables that nothing would read; none where no checkout tells what the roles read."""
    try:
        known = frozenset(role_options(find_checkout(Path.cwd(), os.environ)))
    except UsageError:
        return []
    variables = {host: dict.fromkeys(names) for host, names in read.names.items()}
    problems = check_keys(Inventory(read.groups, variables, known))
    return [problem for problem in problems if problem.code == "unknown-key"]


def make_nodes(read: Read, facts: Facts, service: Service) -> dict[str, dict[str, Any]]:
    """Return a service's nodes as the planner takes them: what the inventory says, and what each has reported."""
    reported = {host: flat_facts(facts.get(host, {})) for host in service.hosts}
    return service_nodes(service, read.variables, reported)


def flat_facts(reported: Mapping[str, Any]) -> dict[str, Any]:
    """Return one node's facts in one map, whether they are given by module or flat already."""
    parts = [reported[name] for name in reversed(_PARTS) if isinstance(reported.get(name), Mapping)]
    flat: dict[str, Any] = {}
    for part in parts:
        flat.update(part)
    flat.pop("problems", None)
    if flat.get("accelerators") == [] and not flat.get("vendor"):
        del flat["accelerators"]
    return flat or dict(reported)


def read_facts(path: Path | None) -> Facts:
    """Return recorded facts by host, from a file as `inferfleet check --facts FILE` writes it.

    Raises:
        UsageError: there is no such file, or it holds something else.
    """
    if path is None:
        return {}
    try:
        data = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(
            "no-facts", f"File {path} cannot be read: {error.strerror}.", "Name a file that `inferfleet check` wrote."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError):
        raise UsageError(
            "bad-facts", f"File {path} is neither JSON nor YAML.", "Name a file that `inferfleet check` wrote."
        ) from None
    if not isinstance(data, dict) or not all(isinstance(value, dict) for value in data.values()):
        raise UsageError(
            "bad-facts", f"File {path} does not map hosts to facts.", "Name a file that `inferfleet check` wrote."
        )
    return {str(host): value for host, value in data.items()}


def write_facts(path: Path, facts: Facts) -> None:
    """Write facts as `read_facts` takes them."""
    path.write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n", "utf-8")
