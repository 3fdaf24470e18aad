"""Return the hosts of the gateway, before any of them is contacted."""

from __future__ import annotations

from ansible.plugins.action import ActionBase

from inferfleet.inventory.read import PLANNED, collect
from inferfleet.messages import N_, Problem
from inferfleet.planner import plan_cluster
from inferfleet.task_result import failed


class ActionModule(ActionBase):
    """Fails in an inventory without a gateway. By default it is the head, which only the plan knows."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Return `hosts`."""
        super().run(tmp, task_vars)
        hosts = [*plan_cluster(collect(task_vars["groups"], task_vars["hostvars"], names=PLANNED)).gateway.hosts]
        return {"changed": False, "hosts": hosts} if hosts else failed([_NO_GATEWAY], "contract")


_NO_GATEWAY = Problem(
    "no-gateway",
    N_("The inventory has no gateway."),
    N_("Set gateway_enabled to true, and run `inferfleet up`."),
)
