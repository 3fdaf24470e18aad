"""The file that nft loads."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeVar

from inferfleet.components import load_component
from inferfleet.firewall.ports import Span

_Network = TypeVar("_Network", IPv4Network, IPv6Network)
TABLE = load_component("firewall").health.table
"""Name of the table, of family inet."""

# A chain can only drop what others accept, not accept what others drop: nft(8), "Overall evaluation of the ruleset".
# The priority is therefore of no importance for the result; before filter (0: iptables, ufw, Docker, and firewalld
# after it), dropped packets cost least and others' logs do not show them. Old versions of nft take only its number.
# Only packets that open a connection are dropped: connections that exist when the table is loaded, and answers to
# connections of the node, need no connection tracking.
_HEAD = """\
# Written by inferfleet; `inferfleet up` overwrites it. List the loaded rules: nft list table inet {table}
# Loads in one transaction: the first line lets the second one delete a table that may not exist.
table inet {table}
delete table inet {table}
table inet {table} {{
"""
# Only unicast: the multicast of another program's VRRP is not changed. 112: protocol-numbers of IANA, RFC 5798.
_VRRP = "        ip daddr != 224.0.0.0/4 ip protocol 112 counter drop\n"
_CHAIN = """\
    chain input {{
        type filter hook input priority -10; policy accept;
        iif "lo" accept
        ip saddr @nodes accept
        ip6 saddr @nodes6 accept
{vrrp}        tcp flags & (fin | syn | rst | ack) == syn tcp dport @tcp_ports counter drop
        udp dport @udp_ports counter drop
    }}
}}
"""


def render_rules(closed: Mapping[str, Sequence[Span]], sources: Iterable[object], *, vrrp: bool = False) -> str:
    """Return the table that drops connections to the `closed` ports (by protocol), unless they come from `sources`.

    `sources` are addresses and networks of IPv4 and IPv6, as objects or text. `vrrp`: whether to drop also others'
    packets of VRRP, by which the gateways agree who holds the virtual address.
    """
    networks = {ip_network(str(source)) for source in sources}
    ipv4 = sorted(network for network in networks if isinstance(network, IPv4Network))
    ipv6 = sorted(network for network in networks if isinstance(network, IPv6Network))
    sets = [
        _set("nodes", "ipv4_addr", _apart(ipv4)),
        _set("nodes6", "ipv6_addr", _apart(ipv6)),
        *(_set(f"{protocol}_ports", "inet_service", map(_span, spans)) for protocol, spans in sorted(closed.items())),
    ]
    return _HEAD.format(table=TABLE) + "".join(sets) + _CHAIN.format(vrrp=_VRRP if vrrp else "")


def _apart(networks: Sequence[_Network]) -> Iterator[str]:
    """Yield sorted networks without those inside another one: nft refuses a set whose elements overlap."""
    widest: _Network | None = None
    for network in networks:  # a network comes before the networks inside it
        if widest is None or not network.subnet_of(widest):
            widest = network
            yield str(network.network_address if network.prefixlen == network.max_prefixlen else network)


def _set(name: str, kind: str, elements: Iterable[str]) -> str:
    listed = ", ".join(elements)
    lines = [f"type {kind}", "flags interval", *([f"elements = {{ {listed} }}"] if listed else [])]
    return f"    set {name} {{\n" + "".join(f"        {line}\n" for line in lines) + "    }\n"


def _span(span: Span) -> str:
    first, last = span
    return str(first) if first == last else f"{first}-{last}"
