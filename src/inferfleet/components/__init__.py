"""Components that run on the nodes, as data: one file per component, discovered in this folder.

Code that handles components (port checks, firewall, status, removal, bundle, diagnosis, documentation) iterates over
them; a new component needs only a new file.
"""

from inferfleet.components.health import http_checks, unit_checks
from inferfleet.components.images import images, packages
from inferfleet.components.loader import load_component, load_components, load_groups
from inferfleet.components.ports import HostPort, host_ports, runs, settings_read
from inferfleet.components.results import (
    answer_results,
    failed_checks,
    health_results,
    inventory_variable,
    rank_results,
    rules_results,
    state_results,
    unit_results,
)
from inferfleet.components.schema import Component, Port
from inferfleet.components.webui import webui_configs, webui_endpoints

GROUPS = load_groups()
"""Inventory groups that components run in, in deployment order."""

__all__ = [
    "GROUPS",
    "Component",
    "HostPort",
    "Port",
    "answer_results",
    "failed_checks",
    "health_results",
    "host_ports",
    "http_checks",
    "images",
    "inventory_variable",
    "load_component",
    "load_components",
    "load_groups",
    "packages",
    "rank_results",
    "rules_results",
    "runs",
    "settings_read",
    "state_results",
    "unit_checks",
    "unit_results",
    "webui_configs",
    "webui_endpoints",
]
