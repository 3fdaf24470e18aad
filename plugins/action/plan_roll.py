"""Plan in which order the running replicas are replaced (see inferfleet.upgrade.roll)."""

from __future__ import annotations

from pathlib import Path

from ansible.plugins.action import ActionBase

from inferfleet.gateway.backends import server_name
from inferfleet.task_result import failed
from inferfleet.upgrade import ReleaseFolder, driver_order, interruption, plan_roll, touched
from inferfleet.upgrade.groups import DRIVER_PREFIX, FIRST_PREFIX, PREFIX
from inferfleet.upgrade.rotation import Rotation, first_half


class ActionModule(ActionBase):
    """Arguments: `plans`; `stale`, the containers to replace by host; `gateways`, the servers by host of the gateway;
    `folder` of the releases, `secrets` that of the secrets; `refuse`, whether an interruption needs to be `confirmed`;
    `untouched`, whether no running replica may be replaced; `drivers`, whether they only stop for other drivers."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Return `groups`, the group of each host in the roll, `gateways`, those that run, and by server `first`, those
        that are replaced before the gateways change to a new key of the engines, and `order`, the others."""
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
        if args.get("drivers", False):
            return {
                "changed": False,
                "groups": _groups(DRIVER_PREFIX, driver_order(roll)),
                "gateways": [*gateways],
                "drained": [server_name(plan) for plan in roll.rolled],
                "inferfleet_warnings": [problem.as_dict() for problem in problems],
            }
        rekeyed = gateways and Rotation(Path(args["secrets"])).switches_key
        first = first_half(roll.rolled, args["stale"]) if rekeyed else []
        rest = [plan for plan in roll.rolled if plan not in first]
        return {
            "changed": False,
            "groups": {**_groups(FIRST_PREFIX, first), **_groups(PREFIX, rest)},
            "gateways": [*gateways],
            "first": [server_name(plan) for plan in first],
            "order": [server_name(plan) for plan in rest],
            "inferfleet_warnings": [problem.as_dict() for problem in problems],
        }


def _groups(prefix, plans):
    return {host: f"{prefix}{place:04d}" for place, plan in enumerate(plans, 1) for host in plan["nodes"]}
