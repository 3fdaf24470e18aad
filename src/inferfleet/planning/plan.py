"""The plan: what runs where, with which command line and environment."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from inferfleet.catalog import load_accelerator, load_model
from inferfleet.planning.ray_args import ray_argv
from inferfleet.problem import Problem


@dataclass(frozen=True)
class NodePlan:
    """What one node runs. `argv` is empty on a node that only lends its accelerators to Ray."""

    role: str
    rank: int
    address: str
    interface: str
    argv: list[str]
    env: dict[str, str]
    ray_argv: list[str] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    mounts: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Plan:
    """How the cluster serves its model; `problems` is empty when it can."""

    engine: str
    executor: str
    image: str
    model: str
    checkpoint: str
    model_path: str
    served_model_name: str
    accelerators: int
    tensor_parallel_size: int
    pipeline_parallel_size: int
    nodes: dict[str, NodePlan]
    problems: list[Problem] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


def make_plan(contract: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]]) -> Plan:
    """Plan the serving of `contract["model"]` on `nodes` (head first).

    Each node is a map with `role` ("head" or "worker"), `address` and, where its facts are known,
    `interfaces` (a list of maps with `name` and `addresses`) and `accelerators` (a list).
    """
    model = load_model(contract["model"])
    accelerator = load_accelerator(contract["accelerator"] or "cpu")
    per_node = contract["accelerators_per_node"] or 1
    total = per_node * len(nodes)
    pipeline = contract["pipeline_parallel_size"] or 1
    tensor = contract["tensor_parallel_size"] or total // pipeline
    checkpoint = contract["checkpoint"] or model["checkpoints"][0]["id"]
    plan = Plan(
        engine=contract["engine"],
        executor=contract["executor"],
        image=contract["engine_image"],
        model=contract["model"],
        checkpoint=checkpoint,
        model_path=f"{contract['model_root']}/{checkpoint}",
        served_model_name=contract["served_model_name"] or contract["model"],
        accelerators=total,
        tensor_parallel_size=tensor,
        pipeline_parallel_size=pipeline,
        nodes={},
    )
    head = next(str(node["address"]) for node in nodes.values() if node["role"] == "head")
    over_ray = contract["executor"] == "ray"
    for rank, (name, node) in enumerate(nodes.items()):
        interface, problems = _interface(name, node, contract["cluster_network"])
        plan.problems.extend(problems)
        plan.nodes[name] = NodePlan(
            role=node["role"],
            rank=rank,
            address=str(node["address"]),
            interface=interface,
            argv=_engine_argv(plan, contract, model, rank, len(nodes), head),
            env={
                **accelerator["env"],
                "NCCL_SOCKET_IFNAME": interface,
                "GLOO_SOCKET_IFNAME": interface,
                "VLLM_HOST_IP": str(node["address"]),
                "VLLM_NO_USAGE_STATS": "1",
                "HF_HUB_OFFLINE": "1",
                **contract["engine_extra_env"],
            },
            ray_argv=ray_argv(contract, node["role"], str(node["address"]), head, per_node) if over_ray else [],
            mounts=[f"{plan.model_path}:{plan.model_path}:ro"],
        )
    return plan


def _engine_argv(
    plan: Plan, contract: Mapping[str, Any], model: Mapping[str, Any], rank: int, nodes: int, head: str
) -> list[str]:
    if contract["executor"] == "ray" and rank > 0:
        return []
    argv = ["vllm", "serve", plan.model_path, "--served-model-name", plan.served_model_name]
    argv += ["--tensor-parallel-size", str(plan.tensor_parallel_size)]
    argv += ["--pipeline-parallel-size", str(plan.pipeline_parallel_size)]
    if contract["executor"] == "ray":
        argv += ["--distributed-executor-backend", "ray"]
    else:
        argv += ["--distributed-executor-backend", "mp", "--nnodes", str(nodes), "--node-rank", str(rank)]
        argv += ["--master-addr", head]
    if rank > 0:
        argv += ["--headless"]
    else:
        argv += ["--host", "0.0.0.0", "--port", str(contract["engine_port"])]
        argv += ["--reasoning-parser", model["reasoning_parser"]]
    argv += ["--dtype", contract["dtype"]]
    if contract["max_model_len"]:
        argv += ["--max-model-len", str(contract["max_model_len"])]
    if contract["max_num_seqs"]:
        argv += ["--max-num-seqs", str(contract["max_num_seqs"])]
    return [*argv, *contract["engine_extra_args"]]


def _interface(name: str, node: Mapping[str, Any], network: str) -> tuple[str, Sequence[Problem]]:
    interfaces = node.get("interfaces")
    if interfaces is None:  # a node whose facts were not gathered (--limit)
        return "", []
    for interface in interfaces:
        for address in interface["addresses"]:
            if address == node["address"]:
                return str(interface["name"]), []
    found = {i["name"]: i["addresses"] for i in interfaces if i["addresses"]}
    inside = [
        (interface, a)
        for interface, addresses in found.items()
        for a in addresses
        if network and ipaddress.IPv4Address(a) in ipaddress.IPv4Network(network)
    ]
    wanted = node["address"]
    hint = f"{inside[0][1]} ({inside[0][0]})" if inside else "one of its addresses on the cluster network"
    return "", [
        Problem(
            "interface-missing",
            f"Host {name} has no interface with the address {wanted}; it has {found}.",
            f"Set cluster_address of {name} to {hint}.",
        )
    ]
