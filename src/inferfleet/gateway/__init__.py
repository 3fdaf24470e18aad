"""The gateway: HAProxy as the one closed endpoint of all services."""

from inferfleet.gateway.access import access
from inferfleet.gateway.apply import change_clients, client_maps
from inferfleet.gateway.backends import Backend, Replica, backends_of
from inferfleet.gateway.certificate import (
    INTERNAL_NAME,
    Pair,
    is_current,
    issue_authority,
    issue_server,
    pair_problem,
)
from inferfleet.gateway.changes import Change, change_problems, changed, client_rows, generates_key
from inferfleet.gateway.client_options import option_problems
from inferfleet.gateway.clients import Client, ServedModel, hash_key, map_files, read_backends, read_clients
from inferfleet.gateway.completions import completion_check
from inferfleet.gateway.files import SecretFolder, differing_files, gateway_files, host_names, ipv6_address
from inferfleet.gateway.keepalived import Link, link_of, render_keepalived
from inferfleet.gateway.monitoring import Monitoring, metrics_port
from inferfleet.gateway.problems import gateway_problems
from inferfleet.gateway.recorded import BrokenRecordError, Recorded, locked, read_recorded, write_recorded
from inferfleet.gateway.render import ENDPOINTS, Limits, Paths, render_config, usage_filter
from inferfleet.gateway.replicas import DeployedReplica, find_replica, last_replica, read_replicas, replica_lines
from inferfleet.gateway.webui import Webui, authority, webui_origins

__all__ = [
    "ENDPOINTS",
    "INTERNAL_NAME",
    "Backend",
    "BrokenRecordError",
    "Change",
    "Client",
    "DeployedReplica",
    "Limits",
    "Link",
    "Monitoring",
    "Pair",
    "Paths",
    "Recorded",
    "Replica",
    "SecretFolder",
    "ServedModel",
    "Webui",
    "access",
    "authority",
    "backends_of",
    "change_clients",
    "change_problems",
    "changed",
    "client_maps",
    "client_rows",
    "completion_check",
    "differing_files",
    "find_replica",
    "gateway_files",
    "gateway_problems",
    "generates_key",
    "hash_key",
    "host_names",
    "ipv6_address",
    "is_current",
    "issue_authority",
    "issue_server",
    "last_replica",
    "link_of",
    "locked",
    "map_files",
    "metrics_port",
    "option_problems",
    "pair_problem",
    "read_backends",
    "read_clients",
    "read_recorded",
    "read_replicas",
    "render_config",
    "render_keepalived",
    "replica_lines",
    "usage_filter",
    "webui_origins",
    "write_recorded",
]
