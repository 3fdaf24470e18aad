"""The gateway: HAProxy as the one closed endpoint of all services."""

from inferfleet.gateway.backends import Backend, Replica, backends_of
from inferfleet.gateway.certificate import Pair, is_current, issue_authority, issue_server
from inferfleet.gateway.clients import Client, hash_key, map_files, read_clients
from inferfleet.gateway.completions import completion_check
from inferfleet.gateway.files import SecretFolder, gateway_files, host_names
from inferfleet.gateway.problems import gateway_problems
from inferfleet.gateway.render import ENDPOINTS, Limits, Paths, render_config

__all__ = [
    "ENDPOINTS",
    "Backend",
    "Client",
    "Limits",
    "Pair",
    "Paths",
    "Replica",
    "SecretFolder",
    "backends_of",
    "completion_check",
    "gateway_files",
    "gateway_problems",
    "hash_key",
    "host_names",
    "is_current",
    "issue_authority",
    "issue_server",
    "map_files",
    "read_clients",
    "render_config",
]
