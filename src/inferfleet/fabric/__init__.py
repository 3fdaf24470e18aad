"""Verification of the network: required ports, measurements and slow nodes."""

from inferfleet.fabric.evaluate import Limits, Report, evaluate_fabric
from inferfleet.fabric.ports import ephemeral_ports, mesh_ports

__all__ = ["Limits", "Report", "ephemeral_ports", "evaluate_fabric", "mesh_ports"]
