"""From the contract and the nodes' facts to the plan: the only place that decides."""

from inferfleet.planning.estimate import Estimate, estimate
from inferfleet.planning.make import make_plan
from inferfleet.planning.plan import ContainerPlan, NodePlan, Plan
from inferfleet.planning.refusals import Refusal

__all__ = ["ContainerPlan", "Estimate", "NodePlan", "Plan", "Refusal", "estimate", "make_plan"]
