"""The gateway of the cluster: its hosts, its address, and the replicas behind it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from ipaddress import IPv4Interface
from typing import Any

from inferfleet.gateway import INTERNAL_NAME, Backend, authority, backends_of, gateway_problems
from inferfleet.inventory.facts import Host
from inferfleet.inventory.model import Inventory, declared_address, settings_values
from inferfleet.messages import N_, Message, Problem
from inferfleet.nodes.systems import numbers, system_of
from inferfleet.planner.monitoring import MonitoringPlan, plan_monitoring
from inferfleet.planner.plan import Plan
from inferfleet.planner.webui import WebuiPlan, plan_webui
from inferfleet.settings import Settings

GROUP = "gateway"
_OLDEST_HAPROXY = "2.4"  # json_query and wait-for-body: docs.haproxy.org/2.4/configuration.html


@dataclass(frozen=True)
class GatewayPlan:
    """The gateways, which are all alike; without hosts, there is none."""

    hosts: Mapping[str, str] = field(default_factory=dict)
    """Address on the cluster network by host."""
    address: str = ""
    """Address for clients: the virtual one, else name or address of the first host."""
    names: tuple[str, ...] = ()
    """Names and addresses of all hosts, and the virtual address, of which the certificate is valid."""
    port: int = 0
    certificate: str = ""
    """PEM file on the controller; empty: issued by the CA of the inventory."""
    backends: tuple[Backend, ...] = ()
    virtual_address: str = ""
    """With its prefix length; empty: each gateway has its own address only."""
    webui: WebuiPlan = field(default_factory=WebuiPlan)
    monitoring: MonitoringPlan = field(default_factory=MonitoringPlan)

    @property
    def url(self) -> str:
        """URL of the API for clients, without a path; empty if there is no gateway."""
        return f"https://{authority(self.address, self.port)}" if self.hosts else ""

    @property
    def internal_url(self) -> str:
        """URL for Open WebUI and checks: a name of which each certificate of the gateway's CA is valid."""
        return f"https://{INTERNAL_NAME}:{self.port}" if self.hosts else ""

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "hosts": dict(self.hosts),
            "url": self.url,
            "internal_name": INTERNAL_NAME,
            "internal_url": self.internal_url,
            "names": list(self.names),
            "virtual_address": self.virtual_address,
            "certificate": self.certificate,
            "webui": asdict(self.webui),
            "monitoring": asdict(self.monitoring),
            "models": [
                {"model": backend.model, "replicas": [asdict(replica) for replica in backend.replicas]}
                for backend in self.backends
            ],
        }


def plan_gateway(inventory: Inventory, settings: Settings, plans: Sequence[Plan]) -> GatewayPlan:
    """Return the gateway on the hosts of group `gateway`, by default on the head of the first service with HTTP."""
    serving = _serving(plans)
    nodes = {name: node for plan in plans for name, node in plan.nodes.items()}
    if not (settings.gateway_enabled and serving):
        monitoring = plan_monitoring(inventory, settings, nodes, "")
        return GatewayPlan(webui=plan_webui(inventory, settings, nodes, {}, ""), monitoring=monitoring)
    names = [*inventory.groups.get(GROUP, ())] or [serving[0].head]
    hosts = {
        name: nodes[name].address if name in nodes else declared_address(name, inventory.variables[name])
        for name in names
    }
    virtual = settings.gateway_virtual_address
    shared = [str(IPv4Interface(virtual).ip)] if virtual else []
    address = shared[0] if shared else str(inventory.variables[names[0]].get("ansible_host") or names[0])
    return GatewayPlan(
        hosts=hosts,
        address=address,
        port=settings.gateway_port,
        names=tuple(dict.fromkeys((*shared, *_names(inventory, hosts)))),
        virtual_address=virtual,
        certificate=settings.gateway_certificate,
        backends=backends_of(plan.as_dict() for plan in serving),
        webui=plan_webui(inventory, settings, nodes, hosts, address),
        monitoring=plan_monitoring(inventory, settings, nodes, address),
    )


def _names(inventory: Inventory, hosts: Mapping[str, str]) -> Iterator[str]:
    for host, address in hosts.items():
        variables = inventory.variables[host]
        given = (variables.get("ansible_host"), variables.get("cluster_address"))
        yield from (host, address, *(str(name) for name in given if name))


def check_switch(inventory: Inventory) -> list[Problem]:
    """Refuse hosts in the group of a gateway that is switched off."""
    named = list(inventory.groups.get(GROUP, ()))
    if not named or Settings.model_validate(settings_values(inventory.variables[named[0]])).gateway_enabled:
        return []
    return [
        Problem(
            "gateway-disabled",
            N_("Variable gateway_enabled is false, but group gateway has {hosts}."),
            N_("Set gateway_enabled to true, or remove group gateway from hosts.yml."),
            hosts=named,
        )
    ]


def settings_problems(settings: Settings, plans: Sequence[Plan]) -> list[Problem]:
    """Return the problems of the gateway's settings that depend on the plans or on files of the controller."""
    serving = _serving(plans)
    if not (settings.gateway_enabled and serving and all(plan.served_model_name for plan in serving)):
        return []
    forms = [plan.as_dict() for plan in serving]
    return gateway_problems(forms, settings.api_clients, settings.gateway_certificate, settings.gateway_key)


def open_api_warnings(settings: Settings, plans: Sequence[Plan]) -> list[Message]:
    """Return the warning that clients reach the engines themselves."""
    if settings.gateway_enabled or not _serving(plans):
        return []
    template = N_(
        "Variable gateway_enabled is false: clients use the ports of the engines, without TLS and limits. A key closes"
        " only the paths below /v1 there; other paths, such as /invocations and /metrics, are open."
    )
    return [Message("gateway-disabled", template)]


def check_haproxy(host: Host) -> Iterable[Problem]:
    """Require a system whose HAProxy is new enough on a gateway's host."""
    distribution = host.facts.get("distribution")
    if not host.is_gateway or not isinstance(distribution, Mapping):
        return
    system = system_of(distribution)
    if system and system.haproxy and numbers(system.haproxy) < numbers(_OLDEST_HAPROXY):
        yield Problem(
            "haproxy-too-old",
            N_("Host {host} runs {system} {version} with HAProxy {haproxy}, but the gateway needs {oldest} or newer."),
            N_("Add a host with a newer system to group gateway, or set gateway_enabled to false."),
            host=host.name,
            system=system.title,
            version=distribution["version_id"],
            haproxy=system.haproxy,
            oldest=_OLDEST_HAPROXY,
        )


def _serving(plans: Sequence[Plan]) -> list[Plan]:
    return [plan for plan in plans if plan.protocol != "none" and plan.head]
