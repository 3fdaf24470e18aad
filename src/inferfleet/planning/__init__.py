"""From the contract and the nodes' facts to the plan: the only place that decides."""

from inferfleet.planning.plan import NodePlan, Plan, make_plan

__all__ = ["NodePlan", "Plan", "make_plan"]
