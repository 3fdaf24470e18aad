"""The ports that nodes must reach each other at."""

from collections.abc import Mapping
from typing import Any

from inferfleet.planning.ray_args import WORKER_PORTS, node_ports

EPHEMERAL = (32768, 60999)
"""Linux's ports for whoever does not ask for one (net.ipv4.ip_local_port_range): NCCL and Gloo listen on these."""


def mesh_ports(contract: Mapping[str, Any], *, head: bool, proof_port: int) -> list[int]:
    """Return the ports at which other nodes must reach a node, in order.

    Of a range, its ends and its middle stand for all: a firewall's rule names a range or does not.
    """
    ports = {proof_port, *_ends(EPHEMERAL)}
    if head:
        ports.add(contract["engine_port"])
    if contract["executor"] == "ray":
        ports.update(node_ports(contract["ray_port"]).values(), _ends(WORKER_PORTS))
        if head:
            ports.add(contract["ray_port"])
    return sorted(ports)


def _ends(span: tuple[int, int]) -> tuple[int, int, int]:
    first, last = span
    return first, (first + last) // 2, last
