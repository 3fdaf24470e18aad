"""Where Open WebUI is reached: through the gateway, or on a port of its own without one."""

from collections.abc import Mapping
from dataclasses import dataclass

from inferfleet.gateway import INTERNAL_NAME, authority
from inferfleet.inventory.model import Inventory, declared_address
from inferfleet.planner.plan import NodePlan
from inferfleet.settings import Settings

GROUP = "webui"


@dataclass(frozen=True)
class WebuiPlan:
    """Addresses of Open WebUI; all are empty if there is none."""

    url: str = ""
    """URL for browsers."""
    check_url: str = ""
    """URL for checks: behind the gateway with a name of which each certificate of the inventory's CA is valid."""
    gateway: str = ""
    """Address of the gateway that requests for `check_url` are sent to; empty: Open WebUI has no gateway."""
    server: str = ""
    """Address and port on the cluster network, to which the gateway forwards."""
    port: int = 0
    """HTTPS port of the gateway; 0: Open WebUI has no gateway."""


def plan_webui(
    inventory: Inventory, settings: Settings, nodes: Mapping[str, NodePlan], gateways: Mapping[str, str], name: str
) -> WebuiPlan:
    """Return the addresses of Open WebUI; `gateways` are the gateways' addresses by host, `name` theirs for clients."""
    host = next(iter(inventory.groups.get(GROUP, ())), "")
    if not host:
        return WebuiPlan()
    variables = inventory.variables[host]
    address = nodes[host].address if host in nodes else declared_address(host, variables)
    server = authority(address, settings.webui_port)
    if not gateways:
        url = f"http://{authority(str(variables.get('ansible_host') or host), settings.webui_port)}"
        return WebuiPlan(url, url, server=server)
    port = settings.gateway_webui_port
    # The gateway on its host, as Open WebUI itself uses it.
    gateway = gateways.get(host) or next(iter(gateways.values()))
    internal = authority(INTERNAL_NAME, port)
    return WebuiPlan(f"https://{authority(name, port)}", f"https://{internal}", gateway, server, port)
