"""The proof of the network: which ports must be open, what was measured, and who is slow."""

from inferfleet.fabric.judge import Limits, Report, judge
from inferfleet.fabric.ports import mesh_ports

__all__ = ["Limits", "Report", "judge", "mesh_ports"]
