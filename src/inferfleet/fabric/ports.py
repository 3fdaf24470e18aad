"""TCP ports that must be reachable between the nodes."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from inferfleet.components import Component, host_ports
from inferfleet.engines import load_engine
from inferfleet.engines.schema import InternalPorts, PeerPorts

EPHEMERAL = (32768, 60999)
"""Linux's default of net.ipv4.ip_local_port_range, the ephemeral ports, on which NCCL and Gloo listen."""


def ephemeral_ports(variables: Mapping[str, Any]) -> tuple[int, int]:
    """Return the ephemeral ports of a host by its facts; Linux's default without them."""
    facts = variables.get("ansible_facts", {}).get("inferfleet_node", {})
    first, last = facts.get("ephemeral_ports") or EPHEMERAL
    return int(first), int(last)


def mesh_ports(
    settings: Mapping[str, Any],
    groups: Collection[str],
    test_port: int,
    components: Sequence[Component] | None = None,
    *,
    ephemeral: tuple[int, int] = EPHEMERAL,
) -> list[int]:
    """Return the sorted ports at which other nodes must reach a node; `groups` are the node's groups.

    A range is represented by its first, middle and last port: a firewall rule covers a range or does not.
    """
    ports = {test_port, *_ends(ephemeral)}
    for used in host_ports(settings, groups, components):
        if "nodes" in used.port.reached_by and used.port.protocol == "tcp":
            ports.update(_ends((used.first, used.last)))
    for span in peer_spans(settings, head="ray_head" in groups):
        ports.update(_ends(span))
    return sorted(ports)


def peer_spans(settings: Mapping[str, Any], *, head: bool) -> Iterator[tuple[int, int]]:
    """Yield the first and the last port of each range of the engine's own ports that other nodes connect to."""
    for peers in load_engine(settings["engine"]).peer_ports:
        if peers.used(settings["executor"], settings["data_parallel_size"]) and listens(peers, head=head):
            yield peers.ports[0], peers.ports[-1]


def listens(ports: PeerPorts | InternalPorts, *, head: bool) -> bool:
    """Return whether the head, or another node, listens on these ports of an engine."""
    return ports.nodes == "all" or (ports.nodes == "head") == head


def _ends(span: Sequence[int]) -> set[int]:
    """Return the first, the middle and the last port of a range, or the only one."""
    first, last = span[0], span[-1]
    return {first, (first + last) // 2, last}
