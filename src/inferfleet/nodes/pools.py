"""Docker address pools that do not overlap with the addresses of the cluster."""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network, ip_address, ip_network
from typing import Any

from inferfleet.messages import N_, Message, Problem

# moby, libnetwork/ipamutils: Docker's defaults without default-address-pools in daemon.json.
BUILT_IN = (
    *(f"172.{second}.0.0/16" for second in (17, 18, 19)),
    *(f"172.{second}.0.0/14" for second in (20, 24, 28)),
    "192.168.0.0/16",
)
# Tried in this order if Docker's defaults overlap with the cluster.
_CANDIDATES = ("172.16.0.0/13", "172.24.0.0/13", "192.168.128.0/17", "10.224.0.0/12", "100.64.0.0/11")
_OWN = ("docker", "br-", "veth")  # Docker's own interfaces are not part of the cluster


class PoolError(ValueError):
    """Docker's networks would overlap with the cluster's."""

    def __init__(self, template: str, remedy: str, /, **parameters: Any) -> None:
        self.problem = Problem("address-pool", template, remedy, **parameters)
        super().__init__(str(self.problem))


def address_pools(
    pools: Sequence[Mapping[str, Any]], cluster_network: str, nodes: Mapping[str, Iterable[Mapping[str, Any]]]
) -> list[dict[str, Any]]:
    """Return `default-address-pools` of daemon.json, the same for every node; empty if Docker's defaults fit.

    `pools` is the user's setting; `nodes` maps hosts to their interfaces as `node_facts` reports them.

    Raises:
        PoolError: a configured pool, or every candidate, contains an address of the cluster.
    """
    taken = _taken(cluster_network, nodes)
    if pools:
        for pool in pools:
            _refuse_collision(str(pool["base"]), taken)
        return [dict(pool) for pool in pools]
    if not any(_holder(base, taken) for base in BUILT_IN):
        return []
    free = next((base for base in _CANDIDATES if not _holder(base, taken)), None)
    if free is None:
        raise PoolError(
            N_("Every private network that Docker could use ({networks}) contains an address of the cluster."),
            N_("Set container_runtime_address_pools to an unused network, for example {example}."),
            networks=list(_CANDIDATES),
            example='[{"base": "10.99.0.0/16", "size": 24}]',
        )
    return [{"base": free, "size": 24}]


def pool_problem(
    pools: Sequence[Mapping[str, Any]], cluster_network: str, nodes: Mapping[str, Iterable[Mapping[str, Any]]]
) -> Problem | None:
    """Return the problem that `address_pools` raises; None if it raises none."""
    try:
        address_pools(pools, cluster_network, nodes)
    except PoolError as error:
        return error.problem
    return None


def _taken(cluster_network: str, nodes: Mapping[str, Iterable[Mapping[str, Any]]]) -> dict[IPv4Network, Message]:
    taken: dict[IPv4Network, Message] = {}
    for host, interfaces in nodes.items():
        for interface in interfaces:
            if not str(interface["name"]).startswith(_OWN):
                for address in interface["addresses"]:
                    network = ip_network(str(ip_address(address)))
                    if isinstance(network, IPv4Network):
                        taken[network] = Message(
                            "",
                            N_("{address} ({interface} of {host})"),
                            address=str(address),
                            interface=str(interface["name"]),
                            host=host,
                        )
    if cluster_network:
        network = ip_network(cluster_network, strict=False)
        if isinstance(network, IPv4Network):
            taken[network] = Message("", "{network}", network=f"cluster_network {cluster_network}")
    return taken


def _holder(base: str, taken: Mapping[IPv4Network, Message]) -> Message | None:
    pool = IPv4Network(base)
    return next((what for network, what in taken.items() if network.overlaps(pool)), None)


def _refuse_collision(base: str, taken: Mapping[IPv4Network, Message]) -> None:
    try:
        holder = _holder(base, taken)
    except ValueError as error:
        raise PoolError(
            N_("Variable container_runtime_address_pools has the base {base!r}, which is not an IPv4 network."),
            N_("Write its first address and prefix length, for example 172.30.0.0/16."),
            base=base,
        ) from error
    if holder:
        raise PoolError(
            N_(
                "Variable container_runtime_address_pools has the base {base}, which contains {holder}: containers"
                " could not reach that address."
            ),
            N_("Use a network that no node uses, or leave the variable empty to select one automatically."),
            base=base,
            holder=holder,
        )
