"""One node as the network sees it, and what is decided for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from inferfleet.planner.fabric.rdma import RdmaPort


class Member(Protocol):
    """One node of the fleet, as far as its network goes."""

    @property
    def name(self) -> str:
        """Its name in the inventory."""

    @property
    def address(self) -> str:
        """Its address on the cluster network."""

    @property
    def interface(self) -> str:
        """Its interface there; empty when not known."""

    @property
    def ports(self) -> tuple[RdmaPort, ...] | None:
        """Its RDMA ports; None where they were not asked for."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """All that is known of it."""


@dataclass(frozen=True)
class NodeFabric:
    """What one node uses. Empty or zero means not known, or left to NCCL."""

    interface: str
    ports: tuple[RdmaPort, ...] = ()
    gid_index: int | None = None
    link_gbps: float = 0
    """Rate of all that its ranks talk through, in Gbit/s: the RDMA ports', else the interface's."""

    @property
    def rdma(self) -> list[str]:
        """The RDMA ports in NCCL's spelling."""
        return [port.name for port in self.ports]
