"""Plan the cluster from an inventory and its nodes' facts: the entry point of every command."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from inferfleet.inventory.facts import Facts, Host, flat_facts, needed_space
from inferfleet.inventory.model import Inventory, settings_values
from inferfleet.inventory.nodes import service_nodes
from inferfleet.inventory.ports import check_ports, ports_of
from inferfleet.inventory.services import Service, services_of
from inferfleet.messages import N_, Message, Problem
from inferfleet.planner.checks import check_inventory, run_checks
from inferfleet.planner.make import make_plan
from inferfleet.planner.plan import Plan
from inferfleet.settings import Settings


@dataclass(frozen=True)
class ClusterPlan:
    """The plan of each service, with all problems."""

    plans: tuple[Plan, ...] = ()
    """One per service; none if the inventory is invalid. Their problems include those of their nodes."""
    inventory_problems: tuple[Problem, ...] = ()
    node_problems: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    """By host, the problems found in its facts: operating system, ports in use, disk space."""

    @property
    def works(self) -> bool:
        """Whether there is no problem."""
        return bool(self.plans) and not self.problems

    @property
    def problems(self) -> list[Problem]:
        """All problems."""
        return [*self.inventory_problems, *(problem for plan in self.plans for problem in plan.problems)]

    @property
    def input_problems(self) -> list[Problem]:
        """Problems to correct in the inventory before facts matter: its own problems and unknown names."""
        return [*self.inventory_problems, *(p for p in self.problems if p.code == "unknown-name")]

    def problems_of(self, hosts: Collection[str]) -> list[Problem]:
        """Return the problems of these hosts and their services, for a run with --limit."""
        problems = list(self.inventory_problems)
        for plan in self.plans:
            mine = [host for host in hosts if self.plan_of(host) is plan]
            others = [p for host, found in self.node_problems.items() if host not in hosts for p in found]
            problems += [p for p in plan.problems if p not in others] if mine else []
        return problems

    def plan_of(self, host: str) -> Plan:
        """Return the plan of the host's service; the first one for a host without a service (of the web UI)."""
        return next((plan for plan in self.plans if host in plan.nodes), self.plans[0])


def plan_cluster(
    inventory: Inventory,
    facts: Facts | None = None,
    *,
    image_space_gib: int | None = None,
    drivers_final: bool = False,
    hypothetical: bool = False,
) -> ClusterPlan:
    """Check the inventory and plan each of its services.

    `facts` are the nodes' facts by host, as the modules node_facts, accelerator_facts and fabric_facts return them, by
    module or in one mapping. Checks that need facts run for the hosts that have any.
    `image_space_gib`: disk space for images on a node; None: the inventory's value, or the role's default.
    `drivers_final`: whether the installed drivers stay, although nvidia_driver_install is `upgrade`.
    `hypothetical`: an estimate, for which neither nodes nor checkpoint need to exist.
    """
    refused = check_inventory(inventory)
    if refused:
        return ClusterPlan(inventory_problems=tuple(refused))
    reported = {
        host: flat_facts(facts[host], keep_driver=drivers_final or not _upgrades(inventory, host))
        for host in inventory.hosts
        if facts and facts.get(host)
    }
    services = services_of(inventory.groups)
    space = _image_space(inventory) if image_space_gib is None else image_space_gib
    plans: list[Plan] = []
    node_problems: dict[str, tuple[Problem, ...]] = {}
    serving = {host for service in services for host in service.hosts}
    for service in services:
        settings = Settings.model_validate(settings_values(inventory.variables[service.heads[0]]))
        nodes = service_nodes(service, inventory.variables, {host: reported.get(host, {}) for host in service.hosts})
        plan = make_plan(settings, nodes, hypothetical=hypothetical).of_service(service.name)
        settings = settings.model_copy(update={"executor": plan.executor})
        hosts = [*service.hosts, *(host for host in inventory.hosts if not plans and host not in serving)]
        found = {
            host: tuple(run_checks(_host(inventory, service, host, reported[host], settings, plan, space)))
            for host in hosts
            if host in reported
        }
        node_problems |= found
        of_nodes = [problem for problems in found.values() for problem in problems]
        problems = [*plan.problems, *_ray_port_problems(inventory, plan), *of_nodes]
        # Problems that follow from an unknown name are noise.
        plans.append(replace(plan, problems=[p for p in problems if p.code == "unknown-name"] or problems))
    unknown = [host for host in facts or () if host not in inventory.hosts]
    if unknown:
        note = Message(
            "facts-unused",
            N_("Facts of {hosts} are ignored: the inventory has no such serving host."),
            hosts=unknown,
        )
        plans[0] = replace(plans[0], warnings=[*plans[0].warnings, note])
    return ClusterPlan(tuple(plans), node_problems=node_problems)


def _ray_port_problems(inventory: Inventory, plan: Plan) -> list[Problem]:
    """Return the port conflicts with Ray on the plan's nodes, if the planner, not the user, selected it."""
    chosen = [node for node in plan.nodes if inventory.variables[node].get("executor") == "auto"]
    if plan.executor != "ray" or not chosen:
        return []
    variables = {host: {**inventory.variables[host], "executor": "ray"} for host in chosen}
    return check_ports(replace(inventory, variables={**inventory.variables, **variables}))


def _upgrades(inventory: Inventory, host: str) -> bool:
    return inventory.variables[host].get("nvidia_driver_install") == "upgrade"


def _image_space(inventory: Inventory) -> int:
    given: Any = inventory.variables[inventory.hosts[0]].get("preflight_image_space_gib")
    default: Any = (inventory.options or {}).get("preflight_image_space_gib", {}).get("default", 0)
    return int(default if given is None else given)


def _host(
    inventory: Inventory,
    service: Service,
    host: str,
    facts: Mapping[str, Any],
    settings: Settings,
    plan: Plan,
    image_space_gib: int,
) -> Host:
    """Return a host with the ports its components listen on and the disk space they need."""
    ports = ports_of(settings, [group for group in inventory.groups if inventory.has(group, host)])
    weights = plan if host in service.hosts and not plan.checkpoint_is_local else None
    return Host(host, facts, ports, needed_space(facts, settings, weights, image_space_gib))
