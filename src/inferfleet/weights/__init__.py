"""Distribution of model weights: planned on the controller, executed by plugins/module_utils/weights on the nodes."""

from inferfleet.weights.distribution import Distribution, plan_distribution
from inferfleet.weights.nodes import controller_folders, link_speeds, models_of_nodes, peers, repairs
from inferfleet.weights.report import weights_report
from inferfleet.weights.sources import BadSourceError, resolve_sources

__all__ = [
    "BadSourceError",
    "Distribution",
    "controller_folders",
    "link_speeds",
    "models_of_nodes",
    "peers",
    "plan_distribution",
    "repairs",
    "resolve_sources",
    "weights_report",
]
