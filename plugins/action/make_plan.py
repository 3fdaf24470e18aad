"""Hands the contract and the nodes' facts to `inferfleet.planning` and returns the plan as a fact."""

from __future__ import annotations

from ansible.plugins.action import ActionBase

from inferfleet.contract import Contract, contract_values
from inferfleet.contract.facts import GIB, check_node
from inferfleet.contract.inventory import cluster_address
from inferfleet.contract.ports import ports_of
from inferfleet.planning import make_plan
from inferfleet.problem import Problem


class ActionModule(ActionBase):
    """Sets the fact `inferfleet_plan`; fails with what the planner and the nodes' facts speak against."""

    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Plan for every serving host of the inventory; check the hosts of this run (`--limit`)."""
        super().run(tmp, task_vars)
        groups, hostvars = task_vars["groups"], task_vars["hostvars"]
        head = hostvars[groups["ray_head"][0]]
        values = contract_values({name: head[name] for name in Contract.model_fields})
        contract = Contract.model_validate(values).model_dump()
        nodes = {}
        for role, group in (("head", "ray_head"), ("worker", "ray_worker")):
            for host in groups.get(group, ()):
                nodes[host] = {
                    **_facts(hostvars[host]),
                    **_hardware(hostvars[host], upgrades=not self._task.args.get("drivers_settled", False)),
                    "name": host,
                    "role": role,
                    "address": cluster_address(host, hostvars[host]),
                    "interface": hostvars[host].get("cluster_interface", ""),
                    "cluster_rdma": hostvars[host].get("cluster_rdma", ""),
                }
        plan = make_plan(contract, nodes)
        if any(problem.code == "unknown-name" for problem in plan.problems):
            return _refusal(plan.problems, "contract")
        problems = list(plan.problems)
        for host in task_vars["ansible_play_hosts_all"]:
            facts = _facts(hostvars[host])
            if not facts:
                continue
            ports = ports_of(
                contract,
                head=host in groups["ray_head"],
                serves=host in nodes,
                webui=host in groups.get("webui", ()),
            )
            space = {"images": (contract["container_data_root"], _image_bytes(self._task.args, facts))}
            if host in nodes:
                missing = plan.checkpoint_bytes - facts["present"].get(plan.checkpoint, 0)
                space["the weights"] = (contract["model_root"], max(0, missing))
            problems += check_node(host, facts, ports, space)
        if problems and self._task.args["enforce"]:
            return _refusal(problems, "facts")
        return {"changed": False, "ansible_facts": {"inferfleet_plan": plan.as_dict()}}


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
