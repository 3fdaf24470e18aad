"""The proof of the network: which ports must be open, what was measured, and who is slow."""

from inferfleet.fabric.evaluate import Limits, Report, evaluate_fabric
from inferfleet.fabric.ports import mesh_ports

__all__ = ["Limits", "Report", "evaluate_fabric", "mesh_ports"]
