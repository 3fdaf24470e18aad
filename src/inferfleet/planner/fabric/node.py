"""One node in the network, and the configuration derived for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from inferfleet.planner.fabric.rdma import RdmaPort


class Member(Protocol):
    """Network view of one node of the fleet."""

    @property
    def name(self) -> str:
        """Its name in the inventory."""

    @property
    def address(self) -> str:
        """Its address on the cluster network."""

    @property
    def interface(self) -> str:
        """Its interface on the cluster network; empty if not known."""

    @property
    def ports(self) -> tuple[RdmaPort, ...] | None:
        """Its RDMA ports; None if they were not gathered."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """All facts of the node."""


@dataclass(frozen=True)
class NodeFabric:
    """Network configuration of one node. Empty or zero means not known, or NCCL's default."""

    interface: str
    ports: tuple[RdmaPort, ...] = ()
    gid_index: int | None = None
    link_gbps: float = 0
    """Total rate of the RDMA ports, or else of the interface, in Gbit/s."""

    @property
    def rdma(self) -> list[str]:
        """The RDMA ports in NCCL's spelling."""
        return [port.name for port in self.ports]
