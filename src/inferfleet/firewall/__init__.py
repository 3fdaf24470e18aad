"""The node firewall: which ports of a node are closed, for whom they stay open, and the table that nft loads."""

from inferfleet.firewall.node import node_rules
from inferfleet.firewall.ports import closed_ports, has_gateway, without
from inferfleet.firewall.render import TABLE, render_rules
from inferfleet.firewall.sources import node_addresses, unknown_addresses

__all__ = [
    "TABLE",
    "closed_ports",
    "has_gateway",
    "node_addresses",
    "node_rules",
    "render_rules",
    "unknown_addresses",
    "without",
]
