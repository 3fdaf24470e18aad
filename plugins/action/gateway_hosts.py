"""Return the hosts of the gateway, before any of them is contacted."""

from __future__ import annotations

from ansible.plugins.action import ActionBase

from inferfleet.messages import N_, Problem
from inferfleet.task_result import failed


class ActionModule(ActionBase):
    """Fails in an inventory without a gateway."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Return `hosts`."""
        super().run(tmp, task_vars)
        hosts = [*task_vars["groups"].get("gateway", ())]
        return {"changed": False, "hosts": hosts} if hosts else failed([_NO_GATEWAY], "contract")


_NO_GATEWAY = Problem(
    "no-gateway",
    N_("The inventory has no gateway."),
    N_("Add a host to group gateway in hosts.yml, and run `inferfleet up`."),
)
