"""Plan in which order the running replicas are replaced (see inferfleet.upgrade.roll)."""

from __future__ import annotations

from pathlib import Path

from ansible.plugins.action import ActionBase

from inferfleet.gateway.backends import server_name
from inferfleet.task_result import failed
from inferfleet.upgrade import ReleaseFolder, interruption, plan_roll, touched


class ActionModule(ActionBase):
    """Arguments: `plans`; `stale`, the containers to replace by host; `gateways`, the servers by host of the gateway;
    `folder` of the releases; `refuse`, whether an interruption needs to be `confirmed`; `untouched`, whether no running
    replica may be replaced."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Return `places`, the place of each host in the roll, `gateways`, those that run, and `order`."""
        super().run(tmp, task_vars)
        args = self._task.args
        plans = args["plans"]
        gateways = {host: servers for host, servers in args["gateways"].items() if servers}
        releases = ReleaseFolder(Path(args["folder"]))
        roll = plan_roll(plans, args["stale"], gateways.values(), releases.drained())
        if args["untouched"] and roll.replaced:
            return failed(touched(roll))
        problems = interruption(roll, confirmed=args["confirmed"], refuse=args["refuse"])
        if args["refuse"] and problems and not args["confirmed"]:
            return failed(problems)
        places = {host: place for place, plan in enumerate(roll.rolled, 1) for host in plan["nodes"]}
        return {
            "changed": False,
            "places": places,
            "gateways": [*gateways],
            "order": [server_name(plan) for plan in roll.rolled],
            "inferfleet_warnings": [problem.as_dict() for problem in problems],
        }
