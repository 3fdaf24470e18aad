"""Return the hosts of the gateway, before any of them is contacted."""

from __future__ import annotations

from ansible.plugins.action import ActionBase

from inferfleet.inventory.read import PLANNED, collect
from inferfleet.messages import N_, Problem
from inferfleet.planner import plan_cluster
from inferfleet.task_result import failed


class ActionModule(ActionBase):
    """Fails without a gateway, and in a run that excludes one, where a change would not apply.

    By default the gateway is the head, which only the plan knows.
    """

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Return `hosts`."""
        super().run(tmp, task_vars)
        hosts = [*plan_cluster(collect(task_vars["groups"], task_vars["hostvars"], names=PLANNED)).gateway.hosts]
        if not hosts:
            return failed([_NO_GATEWAY], "contract")
        excluded = [host for host in hosts if host not in task_vars["ansible_play_hosts_all"]]
        return failed([_excluded(excluded)], "contract") if excluded else {"changed": False, "hosts": hosts}


def _excluded(hosts):
    return Problem(
        "gateways-excluded",
        N_("--limit excludes {hosts}, which run the gateway."),
        N_("Run the command without --limit: it contacts only the gateways."),
        hosts=hosts,
    )


_NO_GATEWAY = Problem(
    "no-gateway",
    N_("The inventory has no gateway."),
    N_("Set gateway_enabled to true, and run `inferfleet up`."),
)
