"""Ports of a node that the firewall closes to all but the cluster's nodes."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from inferfleet.components import Component, host_ports, load_components
from inferfleet.engines import load_engine
from inferfleet.fabric.ports import EPHEMERAL, listens, peer_spans

Span = tuple[int, int]
"""First and last port of a range."""
_LAST_PORT = 65535
SERVING = frozenset({"ray_head", "ray_worker"})
"""Groups whose hosts run the ranks of an engine."""


def closed_ports(
    settings: Mapping[str, Any],
    groups: Collection[str],
    *,
    gateway: bool,
    others: Iterable[int] = (),
    ephemeral: Span = EPHEMERAL,
    components: Sequence[Component] | None = None,
) -> dict[str, list[Span]]:
    """Return the ranges of ports to close on a host, merged and sorted, by protocol.

    `settings` are those of the plan, `groups` the groups of the host, with that of its planned role (see
    `serving_groups`), `others` further TCP ports of roles, and `ephemeral` the range on which the host's ranks listen.
    Without a gateway, ports for clients stay open.
    """
    known = load_components() if components is None else components
    fronted = {name for component in known for name in component.fronts} if gateway else set()
    closed: dict[str, list[Span]] = {"tcp": [(port, port) for port in others], "udp": []}
    clients: dict[str, list[int]] = {"tcp": [], "udp": []}
    for used in host_ports(settings, groups, known):
        if "clients" in used.port.reached_by and used.component.name not in fronted:
            clients[used.port.protocol] += range(used.first, used.last + 1)
        else:
            closed[used.port.protocol].append((used.first, used.last))
    if not SERVING.isdisjoint(groups):
        closed["tcp"] += [ephemeral, *_engine_spans(settings, head="ray_head" in groups)]
    return {protocol: without(_merged(spans), clients[protocol]) for protocol, spans in closed.items()}


def without(spans: Iterable[Span], ports: Collection[int]) -> list[Span]:
    """Return ranges of ports without single ports, for example that of SSH."""
    left = []
    for first, last in spans:
        for port in sorted(port for port in {*ports} if first <= port <= last):
            if first < port:
                left.append((first, port - 1))
            first = port + 1
        if first <= last:
            left.append((first, last))
    return left


def _engine_spans(settings: Mapping[str, Any], *, head: bool) -> Iterator[Span]:
    engine = load_engine(settings["engine"])
    yield from peer_spans(settings, head=head)
    for ports in engine.internal_ports:
        if listens(ports, head=head):
            first, last = ports.span(int(settings["engine_port"]) or engine.port)
            if first <= _LAST_PORT:
                yield first, min(last, _LAST_PORT)


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Return sorted ranges that neither overlap nor touch: nft refuses a set whose elements overlap."""
    merged: list[Span] = []
    for first, last in sorted(spans):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(last, merged[-1][1])
        else:
            merged.append((first, last))
    return merged
