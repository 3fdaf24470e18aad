"""Parser of NCCL's log (NCCL_DEBUG=INFO): the network that NCCL selected.

Format of the lines in NVIDIA/nccl, src/init.cc, transport/net_ib*, net_socket.cc and net.cc (2.18 to 2.31):

    NCCL version 2.21.5+cuda12.4
    NET/IB : Using [0]mlx5_0:1/RoCE [1]mlx5_1:1/IB [RO]; OOB bond0:10.0.0.1<0>
    NET/IB : No device found.
    NET/Socket : Using [0]eth0:10.0.0.1<0>
    Using network IB                            (IBext_v8 and so on with NVIDIA's plugin, Socket over TCP)
    Channel 00/0 : 0[0] -> 8[0] [send] via NET/IB/0/GDRDMA
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_VERSION = re.compile(r"NCCL version (\d[\w.]*)")
_NETWORK = re.compile(r"Using network (\w+)")
_DEVICES = re.compile(r"NET/IB\w* : Using (.*?)(?:\[RO\])?\s*;")
_DEVICE = re.compile(r"\[\d+\]([\w.-]+:\d+)/")
_CHANNEL = re.compile(r"via NET/(\w+?)(?:_v\d+)?/\d+(\S*)")
_WARNING = re.compile(r"NCCL WARN (.*)")


@dataclass(frozen=True)
class NcclLog:
    """Contents of one node's log; empty values are not in the log."""

    version: str = ""
    networks: tuple[str, ...] = ()
    """Selected networks, for example IB, IBext_v8 or Socket."""
    devices: tuple[str, ...] = ()
    """Selected RDMA ports, for example mlx5_0:1."""
    over_sockets: int = 0
    """Channels to other nodes over TCP."""
    over_rdma: int = 0
    """Channels to other nodes over RDMA."""
    gpudirect: bool = False
    """Whether adapters access GPU memory directly."""
    warnings: tuple[str, ...] = ()

    @property
    def fell_back(self) -> bool:
        """Whether NCCL used TCP."""
        return "Socket" in self.networks or self.over_sockets > 0


def read_nccl_log(lines: Iterable[str]) -> NcclLog:
    """Return the contents of a log; other lines are ignored."""
    version, networks, devices, warnings = "", [], [], []
    sockets = rdma = 0
    direct = False
    for line in lines:
        if found := _VERSION.search(line):
            version = found[1]
        if found := _NETWORK.search(line):
            networks.append(found[1])
        if found := _DEVICES.search(line):
            devices += _DEVICE.findall(found[1])
        if found := _CHANNEL.search(line):
            over_tcp = found[1] == "Socket"
            sockets, rdma = sockets + over_tcp, rdma + (not over_tcp)
            direct = direct or "GDRDMA" in found[2]
        if found := _WARNING.search(line):
            warnings.append(found[1].strip())
    unique = (tuple(dict.fromkeys(items)) for items in (networks, devices, warnings))
    selected, ports, warned = unique
    return NcclLog(version, selected, ports, sockets, rdma, direct, warned)
