"""The ports that nodes must reach each other at."""

from collections.abc import Mapping, Sequence
from typing import Any

from inferfleet.catalog import load_engine
from inferfleet.catalog.schema import PeerPorts
from inferfleet.planner.ray_args import WORKER_PORTS, node_ports

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
    for peers in load_engine(contract["engine"]).peer_ports:
        if _used(peers, contract) and _listens(peers, head=head):
            ports.update(_ends(peers.ports))
    return sorted(ports)


def _used(peers: PeerPorts, contract: Mapping[str, Any]) -> bool:
    replicas = contract["data_parallel_size"] > 1
    return peers.executor in (None, contract["executor"]) and (replicas or not peers.data_parallel)


def _listens(peers: PeerPorts, *, head: bool) -> bool:
    return peers.nodes == "all" or (peers.nodes == "head") == head


def _ends(span: Sequence[int]) -> set[int]:
    """Return the first, the middle and the last port of a range, or the only one."""
    first, last = span[0], span[-1]
    return {first, (first + last) // 2, last}
