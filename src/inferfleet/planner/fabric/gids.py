"""The entry of the GID table that RoCE ports use, where NCCL would not take it by itself.

Since 2.21, NCCL chooses for each port by itself (NCCL_IB_GID_INDEX is -1): the first entry with an IPv4 address and
RoCE v2 (ncclUpdateGidIndex in src/transport/net_ib.cc, with NCCL_IB_ADDR_FAMILY AF_INET and NCCL_IB_ROCE_VERSION_NUM
2). Older ones take entry 0, which is link-local and RoCE v1.
"""

import ipaddress
from collections.abc import Sequence

from inferfleet.planner.fabric.rdma import ROCE, RdmaPort
from inferfleet.versions import version_key

AUTOMATIC_SINCE = (2, 21)
"""The first release of NCCL that looks for the entry itself."""


def nccl_chooses_gid(version: str) -> bool:
    """Tell whether a release of NCCL finds the entry itself; one that is not known counts as a new one."""
    return not version or version_key(version) >= AUTOMATIC_SINCE


def automatic_gid(port: RdmaPort, *, chooses: bool) -> int:
    """Return the entry that NCCL takes when it is told nothing; `chooses`: whether its release looks for one."""
    return next((gid.index for gid in port.gids or () if gid.address and gid.version == 2), 0) if chooses else 0


def gid_index(ports: Sequence[RdmaPort], cluster: Sequence[str], *, chooses: bool = True) -> int | None:
    """Return the value of NCCL_IB_GID_INDEX for a node, None where NCCL's own choice is right or no value suits.

    `cluster` holds the networks that nodes are to talk over (an address counts as a network of one). An entry in them
    beats NCCL's choice only where every port has one: on a machine with a network for each port, only one of them can
    lie in the cluster's.
    """
    roce = [port for port in ports if port.link_layer == ROCE and port.gids]
    if not roce or len(roce) != len(ports):
        return None
    automatic = [automatic_gid(port, chooses=chooses) for port in roce]
    inside = [_inside(port, cluster) for port in roce]
    first = [automatic_gid(port, chooses=True) for port in roce]
    wanted = [index for index in inside if index is not None]
    wanted = wanted if len(wanted) == len(roce) else first
    return wanted[0] if wanted != automatic and len(set(wanted)) == 1 else None


def _inside(port: RdmaPort, cluster: Sequence[str]) -> int | None:
    for gid in port.gids or ():
        if gid.version == 2 and gid.address and any(within(gid.address, network) for network in cluster):
            return gid.index
    return None


def within(address: str, network: str) -> bool:
    """Tell whether an address lies in a network; False for anything that is neither."""
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
