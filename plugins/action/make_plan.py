"""Hands the contract and the nodes' facts to `inferfleet.planner` and returns the plans as facts."""

from __future__ import annotations

from ansible.plugins.action import ActionBase

from inferfleet.inventory import settings_values
from inferfleet.inventory.facts import GIB, check_node
from inferfleet.inventory.nodes import service_nodes
from inferfleet.inventory.ports import ports_of
from inferfleet.inventory.services import Service, services_of
from inferfleet.messages import Problem
from inferfleet.planner import Plan, make_plan
from inferfleet.settings import Settings


class ActionModule(ActionBase):
    """Sets the facts `inferfleet_plans`, one a service, and `inferfleet_plan`, that of the host's own.

    Fails with what the planner and the nodes' facts speak against, for the services that take part in this run.
    """

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Plan for every serving host of the inventory; check the hosts of this run (`--limit`)."""
        super().run(tmp, task_vars)
        plans, problems = [], []
        for service in services_of(task_vars["groups"]):
            plan, found = self._plan(service, task_vars)
            plans.append(plan.as_dict())
            problems += found
        if any(problem.code == "unknown-name" for problem in problems):
            return _refusal(problems, "contract")
        if problems and self._task.args["enforce"]:
            return _refusal(problems, "facts")
        host = task_vars["inventory_hostname"]
        own = next((plan for plan in plans if host in plan["nodes"]), plans[0])
        return {"changed": False, "ansible_facts": {"inferfleet_plans": plans, "inferfleet_plan": own}}

    def _plan(self, service: Service, task_vars) -> tuple[Plan, list[Problem]]:
        """Return the plan of all of the service's nodes, and the problems of those of this run."""
        groups, hostvars = task_vars["groups"], task_vars["hostvars"]
        settings = Settings.model_validate(settings_values(hostvars[service.heads[0]]))
        upgrades = not self._task.args.get("drivers_settled", False)
        reported = {
            host: {**_facts(hostvars[host]), **_hardware(hostvars[host], upgrades=upgrades)} for host in service.hosts
        }
        nodes = service_nodes(service, hostvars, reported)
        plan = make_plan(settings, nodes).of_service(service.name)
        present = [host for host in task_vars["ansible_play_hosts_all"] if host in nodes]
        # A host that serves nothing (the web UI's own) is checked with the first service.
        if groups["ray_head"][0] in nodes:
            others = set(groups["ray_head"]).union(groups.get("ray_worker", ())).difference(nodes)
            present += [host for host in task_vars["ansible_play_hosts_all"] if host not in others | set(nodes)]
        problems = list(plan.problems) if present else []
        for host in present:
            if facts := _facts(hostvars[host]):
                problems += self._node_problems(host, facts, settings, plan, service, groups)
        return plan, problems

    def _node_problems(
        self, host: str, facts: dict, settings: Settings, plan: Plan, service: Service, groups
    ) -> list[Problem]:
        """Return what the node lacks: free ports, and room for images and weights."""
        serves = host in service.hosts
        ports = ports_of(settings, [group for group in groups if host in groups[group]])
        space = {"images": (settings.container_data_root, _image_bytes(self._task.args, facts))}
        if serves:
            missing = plan.checkpoint_bytes - facts["present"].get(plan.checkpoint, 0)
            space["the weights"] = (settings.model_root, max(0, missing))
        return check_node(host, facts, ports, space)


def _facts(variables) -> dict:
    return _part(variables, "inferfleet_node")


def _hardware(variables, *, upgrades: bool) -> dict:
    """Return accelerators and network, where they were read; a tool without devices says nothing.

    `upgrades`: whether drivers may still be brought to another version.
    """
    accelerators, fabric = _part(variables, "inferfleet_accelerators"), _part(variables, "inferfleet_fabric")
    known = {key: value for part in (accelerators, fabric) for key, value in part.items() if key != "problems"}
    if upgrades and variables.get("nvidia_driver_install") == "upgrade":
        known.pop("driver_version", None)  # the driver is about to be another one
    if not known.get("accelerators"):
        known.pop("accelerators", None)
    if not known.get("interfaces"):
        known.pop("interfaces", None)  # those of node_facts hold
    return known


def _part(variables, name: str) -> dict:
    return variables["ansible_facts"].get(name, {}) if "ansible_facts" in variables else {}


def _image_bytes(args: dict, facts: dict) -> int:
    """A node whose Docker already runs has its images, or the room for them was checked when it got them."""
    return 0 if facts["docker"] else int(args["image_space_gib"]) * GIB


def _refusal(problems: list[Problem], kind: str) -> dict:
    return {
        "failed": True,
        "msg": "\n".join(map(str, problems)),
        "inferfleet_refusal": kind,
        "problems": [problem.as_dict() for problem in problems],
    }
