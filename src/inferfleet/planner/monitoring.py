"""Where Prometheus and Alertmanager run, and where an administrator reaches them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from inferfleet.catalog.system import load_systems
from inferfleet.components import load_component
from inferfleet.gateway import authority
from inferfleet.inventory.facts import Host
from inferfleet.inventory.model import Inventory, declared_address
from inferfleet.messages import N_, Problem
from inferfleet.nodes.systems import system_of
from inferfleet.planner.plan import NodePlan
from inferfleet.settings import Settings

GROUP = "monitoring"


@dataclass(frozen=True)
class MonitoringPlan:
    """Addresses of the monitoring; all are empty if group `monitoring` has no host."""

    host: str = ""
    address: str = ""
    """Address of the host on the cluster network, from which it scrapes."""
    url: str = ""
    """URL for browsers, without a path: that of the gateway, or that of Prometheus on the cluster network."""
    port: int = 0
    """HTTPS port of the gateway; 0: there is no gateway."""
    prometheus: str = ""
    """Address and port."""
    alertmanager: str = ""
    """Address and port."""
    nodes: Mapping[str, str] = field(default_factory=dict)
    """Address on the cluster network of each host of the inventory."""


def plan_monitoring(
    inventory: Inventory, settings: Settings, nodes: Mapping[str, NodePlan], gateway: str
) -> MonitoringPlan:
    """Return the addresses of the monitoring; `gateway` is the gateway's for clients, empty without one."""
    host = next(iter(inventory.groups.get(GROUP, ())), "")
    if not host:
        return MonitoringPlan()
    addresses = {
        name: nodes[name].address if name in nodes else declared_address(name, inventory.variables[name])
        for name in inventory.hosts
    }
    address = addresses[host]
    prometheus, alertmanager = (
        authority(address, int(load_component(name).ports[0].number)) for name in ("prometheus", "alertmanager")
    )
    port = settings.gateway_monitoring_port if gateway else 0
    url = f"https://{authority(gateway, port)}" if gateway else f"http://{prometheus}"
    return MonitoringPlan(host, address, url, port, prometheus, alertmanager, addresses)


def check_packages(host: Host) -> Iterable[Problem]:
    """Require systems that have the packages of the monitoring: every host runs node_exporter."""
    distribution = host.facts.get("distribution")
    if not host.is_monitored or not isinstance(distribution, Mapping):
        return
    system = system_of(distribution)
    if system and not system.monitoring:
        yield Problem(
            "monitoring-unsupported",
            N_("Group monitoring has a host, but {system} {version} on host {host} has no packages of the monitoring."),
            N_("Remove group monitoring from hosts.yml, or install {supported} on the host."),
            host=host.name,
            system=system.title,
            version=distribution["version_id"],
            supported=[entry.title for entry in load_systems().values() if entry.monitoring],
        )
