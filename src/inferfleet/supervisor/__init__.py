"""Supervision of the replicas: settings of the nodes' supervisors, and what these report."""

from inferfleet.supervisor.containers import containers_change
from inferfleet.supervisor.files import node_files
from inferfleet.supervisor.report import choice_problems, chosen, events, parsed, readiness, replicas, status_results
from inferfleet.supervisor.settings import node_settings, replica_name

__all__ = [
    "choice_problems",
    "chosen",
    "containers_change",
    "events",
    "node_files",
    "node_settings",
    "parsed",
    "readiness",
    "replica_name",
    "replicas",
    "status_results",
]
