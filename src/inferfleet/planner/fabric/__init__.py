"""The network between the nodes: its interfaces and RDMA devices, and the configuration of NCCL and Gloo."""

from inferfleet.planner.fabric.addresses import choose_address
from inferfleet.planner.fabric.derive import Fabric, derive_fabric
from inferfleet.planner.fabric.gids import nccl_chooses_gid
from inferfleet.planner.fabric.node import Member, NodeFabric
from inferfleet.planner.fabric.rdma import RdmaPort, read_ports

__all__ = [
    "Fabric",
    "Member",
    "NodeFabric",
    "RdmaPort",
    "choose_address",
    "derive_fabric",
    "nccl_chooses_gid",
    "read_ports",
]
