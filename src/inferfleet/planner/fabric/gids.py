"""GID table entry of RoCE ports, if NCCL would not select it automatically.

Since 2.21, NCCL selects it for each port (NCCL_IB_GID_INDEX is -1): the first entry with an IPv4 address and
RoCE v2 (ncclUpdateGidIndex in src/transport/net_ib.cc, with NCCL_IB_ADDR_FAMILY AF_INET and NCCL_IB_ROCE_VERSION_NUM
2). Older versions use entry 0, which is link-local and RoCE v1.
"""

import ipaddress
from collections.abc import Sequence

from inferfleet.planner.fabric.rdma import ROCE, RdmaPort
from inferfleet.versions import version_key

AUTOMATIC_SINCE = (2, 21)
"""First release of NCCL that selects the entry itself."""


def nccl_chooses_gid(version: str) -> bool:
    """Return whether a release of NCCL selects the entry itself; an unknown release counts as new."""
    return not version or version_key(version) >= AUTOMATIC_SINCE


def automatic_gid(port: RdmaPort, *, chooses: bool) -> int:
    """Return the entry that NCCL uses by default; `chooses`: whether its release selects one itself."""
    return next((gid.index for gid in port.gids or () if gid.address and gid.version == 2), 0) if chooses else 0


def gid_index(ports: Sequence[RdmaPort], cluster: Sequence[str], *, chooses: bool = True) -> int | None:
    """Return the value of NCCL_IB_GID_INDEX for a node, None if NCCL's default is right or no single value fits.

    `cluster` holds the cluster networks (an address counts as a network of one). An entry in them overrides NCCL's
    choice only if every port has one: on a machine with one network per port, only one of the ports can be in the
    cluster network.
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
    """Return whether an address is in a network; False for invalid values."""
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
