"""Supervision of the replicas: settings of the nodes' supervisors, and what these report."""

from inferfleet.supervisor.containers import containers_change
from inferfleet.supervisor.files import node_files
from inferfleet.supervisor.settings import node_settings, replica_name

__all__ = ["containers_change", "node_files", "node_settings", "replica_name"]
