"""Plan the cluster from an inventory and its nodes' facts: the entry point of every command."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from inferfleet.inventory.facts import Facts, Host, flat_facts, needed_space
from inferfleet.inventory.model import Inventory, settings_values
from inferfleet.inventory.nodes import service_nodes
from inferfleet.inventory.ports import check_ports, ports_of
from inferfleet.inventory.services import services_of, serving_groups
from inferfleet.messages import N_, Message, Problem
from inferfleet.planner.checks import check_inventory, run_checks
from inferfleet.planner.gateway import GROUP as GATEWAY
from inferfleet.planner.gateway import GatewayPlan, open_api_warnings, plan_gateway
from inferfleet.planner.gateway import settings_problems as gateway_settings_problems
from inferfleet.planner.monitoring import GROUP as MONITORING
from inferfleet.planner.plan import Plan
from inferfleet.planner.replicas import plan_service
from inferfleet.planner.virtual_address import given_address, without_address
from inferfleet.settings import Settings


@dataclass(frozen=True)
class ClusterPlan:
    """The plan of each replica of each service, with all problems."""

    plans: tuple[Plan, ...] = ()
    """One per replica; none if the inventory is invalid. Their problems include those of their nodes."""
    gateway: GatewayPlan = field(default_factory=GatewayPlan)
    inventory_problems: tuple[Problem, ...] = ()
    node_problems: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    """By host, the problems found in its facts: operating system, ports in use, disk space."""
    exposed: tuple[Message, ...] = ()
    """Warnings of ports that are open to other hosts, which a deployment repeats; the first plan has them too."""

    @property
    def works(self) -> bool:
        """Whether there is no problem."""
        return bool(self.plans) and not self.problems

    @property
    def problems(self) -> list[Problem]:
        """All problems."""
        found = [*self.inventory_problems, *(problem for plan in self.plans for problem in plan.problems)]
        return list(dict.fromkeys(found))

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
        return list(dict.fromkeys(problems))

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
    virtual = given_address(inventory)
    reported = {
        host: without_address(
            flat_facts(facts[host], keep_driver=drivers_final or not _upgrades(inventory, host)), virtual
        )
        for host in inventory.hosts
        if facts and facts.get(host)
    }
    services = services_of(inventory.groups)
    space = _image_space(inventory) if image_space_gib is None else image_space_gib
    made: list[tuple[Plan, Settings]] = []
    node_problems: dict[str, tuple[Problem, ...]] = {}
    serving = {host for service in services for host in service.hosts}
    for service in services:
        settings = Settings.model_validate(settings_values(inventory.variables[service.heads[0]]))
        nodes = service_nodes(service, inventory.variables, {host: reported.get(host, {}) for host in service.hosts})
        for plan in plan_service(settings, nodes, hypothetical=hypothetical):
            plan = plan.of_service(service.name)
            made.append((plan, settings.model_copy(update={"executor": plan.executor})))
    shared = Settings.model_validate(settings_values(inventory.variables[services[0].heads[0]]))
    drafts = [plan for plan, _ in made]
    gateway = GatewayPlan() if hypothetical else plan_gateway(inventory, shared, drafts)
    if gateway.hosts:
        inventory = replace(inventory, groups={**inventory.groups, GATEWAY: [*gateway.hosts]})
    plans: list[Plan] = []
    for plan, settings in made:
        hosts = [*plan.nodes, *(host for host in inventory.hosts if not plans and host not in serving)]
        found = {
            host: tuple(run_checks(_host(inventory, host, reported[host], settings, plan, space)))
            for host in hosts
            if host in reported
        }
        node_problems |= found
        problems = [*plan.problems, *(problem for problems in found.values() for problem in problems)]
        # Problems that follow from an unknown name are noise.
        plans.append(replace(plan, problems=[p for p in problems if p.code == "unknown-name"] or problems))
    of_cluster = check_ports(_as_planned(inventory, plans))
    if not hypothetical:
        of_cluster += gateway_settings_problems(shared, plans)
    plans[0] = replace(plans[0], problems=[*plans[0].problems, *of_cluster])
    unknown = [host for host in facts or () if host not in inventory.hosts]
    if unknown:
        note = Message(
            "facts-unused",
            N_("Facts of {hosts} are ignored: the inventory has no such serving host."),
            hosts=unknown,
        )
        plans[0] = replace(plans[0], warnings=[*plans[0].warnings, note])
    exposed = () if hypothetical else (*_open_ports(shared), *open_api_warnings(shared, plans))
    plans[0] = replace(plans[0], warnings=[*plans[0].warnings, *exposed, *_unsupervised(shared)])
    return ClusterPlan(tuple(plans), gateway, node_problems=node_problems, exposed=exposed)


def _open_ports(settings: Settings) -> Iterator[Message]:
    """Yield the warning that the node firewall is switched off."""
    if not settings.node_firewall:
        template = N_(
            "Variable node_firewall is false: every host that reaches the nodes can connect to the ports of Ray and the"
            " engine, through which programs can be run there. Close them in another firewall (docs/en/components.md)."
        )
        yield Message("node-firewall-off", template)


def _unsupervised(settings: Settings) -> Iterator[Message]:
    """Yield the warning that the supervisor is switched off."""
    if not settings.supervisor_enabled:
        template = N_(
            "Variable supervisor_enabled is false: Docker restarts single containers, but nothing notices an engine"
            " that hangs, or restarts the other nodes of a replica after one of them failed. Monitor the service"
            " yourself."
        )
        yield Message("supervisor-off", template)


def _as_planned(inventory: Inventory, plans: Collection[Plan]) -> Inventory:
    """Return the inventory with the heads and the executors of the plans, on which the ports of a host depend."""
    heads = [plan.head for plan in plans if plan.replica > 1]
    workers = [host for host in inventory.groups.get("ray_worker", ()) if host not in heads]
    groups = {**inventory.groups, "ray_head": [*inventory.groups["ray_head"], *heads], "ray_worker": workers}
    executors = {
        host: {**inventory.variables[host], "executor": plan.executor} for plan in plans for host in plan.nodes
    }
    return replace(inventory, groups=groups, variables={**inventory.variables, **executors})


def _upgrades(inventory: Inventory, host: str) -> bool:
    return inventory.variables[host].get("nvidia_driver_install") == "upgrade"


def _image_space(inventory: Inventory) -> int:
    given: Any = inventory.variables[inventory.hosts[0]].get("preflight_image_space_gib")
    default: Any = (inventory.options or {}).get("preflight_image_space_gib", {}).get("default", 0)
    return int(default if given is None else given)


def _host(
    inventory: Inventory,
    host: str,
    facts: Mapping[str, Any],
    settings: Settings,
    plan: Plan,
    image_space_gib: int,
) -> Host:
    """Return a host with the ports its components listen on and the disk space they need."""
    groups = [group for group in inventory.groups if inventory.has(group, host)]
    node = plan.nodes.get(host)
    ports = ports_of(settings, serving_groups(groups, node.role) if node else groups, hosts=inventory.groups)
    weights = plan if node and not plan.checkpoint_is_local else None
    space = needed_space(facts, settings, weights, image_space_gib)
    gateway = GATEWAY in groups
    virtual = settings.gateway_virtual_address if gateway else ""
    return Host(
        host,
        facts,
        ports,
        space,
        is_gateway=gateway,
        virtual_address=virtual,
        is_monitored=bool(inventory.groups.get(MONITORING)),
    )
