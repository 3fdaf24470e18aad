"""The node firewall: which ports of a node are closed, for whom they stay open, and the table that nft loads."""

from inferfleet.firewall.node import gateway_deployed, node_rules
from inferfleet.firewall.ports import closed_ports, without
from inferfleet.firewall.render import TABLE, render_rules
from inferfleet.firewall.sources import node_addresses, unknown_addresses

__all__ = [
    "TABLE",
    "closed_ports",
    "gateway_deployed",
    "node_addresses",
    "node_rules",
    "render_rules",
    "unknown_addresses",
    "without",
]
