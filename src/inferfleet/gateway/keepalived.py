"""keepalived's configuration: one of the gateways holds the virtual address."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_HIGHEST = 150
_STEP = 10
_ROUTERS = 255


class Link(NamedTuple):
    """A gateway's own interface and address in the network of the virtual address."""

    interface: str
    address: str


def link_of(interfaces: Iterable[Mapping[str, Any]], virtual: str) -> Link | None:
    """Return the link on which a host can hold the virtual address; None if it has none.

    `interfaces` are facts of module node_facts; `virtual` is the address with its prefix length.
    """
    wanted = IPv4Interface(virtual)
    for interface in interfaces:
        for prefix in interface.get("prefixes", ()):
            own = IPv4Interface(prefix)
            if own.ip != wanted.ip and wanted.ip in own.network:
                return Link(interface["name"], str(own.ip))
    return None


def render_keepalived(host: str, links: Mapping[str, Link], virtual: str, check: str) -> str:
    """Return keepalived.conf of a gateway; `links` are those of all gateways, the preferred one first.

    `check` is the path of the program that returns whether the gateway answers.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, trim_blocks=True, autoescape=False
    )
    return (
        environment.get_template("keepalived.conf.j2").render(
            host=host,
            own=links[host],
            peers=[link.address for name, link in links.items() if name != host],
            priority=_HIGHEST - _STEP * list(links).index(host),
            router=int(IPv4Interface(virtual).ip) % _ROUTERS + 1,
            virtual=virtual,
            check=check,
        )
        + "\n"
    )
