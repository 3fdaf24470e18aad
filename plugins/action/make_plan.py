"""Plan the services from inventory and node facts, and set the plans as facts (see inferfleet.planner)."""

from __future__ import annotations

from ansible.plugins.action import ActionBase

from inferfleet.inventory.facts import REPORTED
from inferfleet.inventory.read import PLANNED, collect
from inferfleet.messages import Problem
from inferfleet.planner import plan_cluster
from inferfleet.proxies import proxy_environment


class ActionModule(ActionBase):
    """Sets the facts `inferfleet_plans`, one per service, `inferfleet_plan`, that of the host's service, and
    `inferfleet_gateway`.

    Fails with the problems of the planner for the services that take part in this run.
    """

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Plan all services of the inventory; fail with the problems of the hosts of this run (`--limit`)."""
        super().run(tmp, task_vars)
        args, hostvars = self._task.args, task_vars["hostvars"]
        inventory = collect(task_vars["groups"], hostvars, names=PLANNED)
        cluster = plan_cluster(
            inventory,
            {host: _reported(hostvars[host]) for host in inventory.hosts},
            image_space_gib=int(args["image_space_gib"]),
            drivers_final=args.get("drivers_final", False),
        )
        problems = cluster.problems_of(task_vars["ansible_play_hosts_all"])
        if not cluster.plans or any(problem.code == "unknown-name" for problem in problems):
            return _refusal(problems, "contract")
        if problems and args["enforce"]:
            return _refusal(problems, "facts")
        plans = [plan.as_dict() for plan in cluster.plans]
        own = plans[cluster.plans.index(cluster.plan_of(task_vars["inventory_hostname"]))]
        proxy = proxy_environment(
            inventory.variables[task_vars["inventory_hostname"]], _own_addresses(inventory, plans)
        )
        facts = {
            "inferfleet_plans": plans,
            "inferfleet_plan": own,
            "inferfleet_gateway": cluster.gateway.as_dict(),
            "inferfleet_proxy": proxy,
        }
        if not args.get("drivers_final", False):
            facts["inferfleet_bundle"] = {}  # a persistent fact cache may contain that of an earlier run
        warnings = [Problem(text.code, text.template, "", **text.parameters).as_dict() for text in cluster.exposed]
        return {"changed": False, "ansible_facts": facts, "inferfleet_warnings": warnings if args["enforce"] else []}


def _own_addresses(inventory, plans) -> list[str]:
    """Return names and addresses of all hosts."""
    managed = [str(inventory.variables[host].get("ansible_host") or host) for host in inventory.hosts]
    planned = [node["address"] for plan in plans for node in plan["nodes"].values()]
    return [*inventory.hosts, *managed, *planned]


def _reported(variables) -> dict:
    """Return the facts that preflight has read in this run; a persistent fact cache may contain older ones."""
    read = variables.get("__preflight_facts") or {}
    if "ansible_facts" not in read:
        return {}
    return {name: value for name, value in variables["ansible_facts"].items() if name in REPORTED}


def _refusal(problems: list[Problem], kind: str) -> dict:
    return {
        "failed": True,
        "msg": "\n".join(map(str, problems)),
        "inferfleet_refusal": kind,
        "problems": [problem.as_dict() for problem in problems],
    }
