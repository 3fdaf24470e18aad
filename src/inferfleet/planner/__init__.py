"""Compute the deployment plan from the settings and the nodes' facts; every decision is made here."""

from inferfleet.planner.cluster import ClusterPlan, plan_cluster
from inferfleet.planner.estimate import Estimate, estimate
from inferfleet.planner.gateway import GatewayPlan
from inferfleet.planner.make import make_plan
from inferfleet.planner.plan import ContainerPlan, NodePlan, Plan
from inferfleet.planner.refusals import Refusal

__all__ = [
    "ClusterPlan",
    "ContainerPlan",
    "Estimate",
    "GatewayPlan",
    "NodePlan",
    "Plan",
    "Refusal",
    "estimate",
    "make_plan",
    "plan_cluster",
]
