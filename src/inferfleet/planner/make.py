"""From the contract and the nodes' facts to the plan: the only place that decides."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from inferfleet.catalog import (
    CatalogError,
    Model,
    UnknownNameError,
    load_engine,
    load_model,
)
from inferfleet.messages import Problem
from inferfleet.planner.checkpoints import cache_problems, choose_checkpoints, choose_dtype
from inferfleet.planner.choose import choose_engine
from inferfleet.planner.fabric import derive_fabric, nccl_chooses_gid
from inferfleet.planner.features import (
    OPTIONAL,
    image_problems,
    replica_problems,
    setting_problems,
    speculation_problems,
    tool_call_problems,
)
from inferfleet.planner.fit import size_up
from inferfleet.planner.flags import flag_problems
from inferfleet.planner.fleet import Fleet, read_fleet, shm_problems
from inferfleet.planner.modes import choose_mode, with_mode
from inferfleet.planner.no_fit import no_fit
from inferfleet.planner.plan import NodePlan, Plan
from inferfleet.planner.refusals import (
    BadValue,
    CatalogBroken,
    Refusal,
    UnknownName,
)
from inferfleet.planner.render import Decided, render
from inferfleet.planner.values import value_problems

DEFAULTS: dict[str, Any] = {
    "model": "deepseek-r1",
    "checkpoint": "",
    "model_root": "/data/models",
    "served_model_name": "",
    "engine": "vllm",
    "engine_version": "",
    "engine_image": "",
    "engine_mode": "",
    "executor": "ray",
    "precision": "",
    "dtype": "auto",
    **OPTIONAL,
    "tensor_parallel_size": 0,
    "pipeline_parallel_size": 0,
    "max_model_len": 0,
    "max_num_seqs": 0,
    "gpu_memory_utilization": 0.90,
    "engine_extra_args": [],
    "engine_extra_env": {},
    "engine_port": 0,
    "accelerator": "",
    "accelerators_per_node": 0,
    "cluster_network": "",
    "nccl_debug": "",
    "webui_image": "",
    "imagined": False,  # estimates only: neither nodes nor the checkpoint need exist
    "ray_port": 6379,
    "ray_dashboard_port": 8265,
}
"""The contract's keys that planning reads, as they are where a caller leaves them out."""

_HOPELESS = ("unknown-name", "catalog-broken", "bad-value", "mixed-accelerators")


def make_plan(contract: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]]) -> Plan:
    """Plan the serving of `contract["model"]` on `nodes`.

    Each node is a map with `role` ("head" or "worker"), `address` and, where they are known, its facts: what
    the modules accelerator_facts, fabric_facts and node_facts return. Never raises for what a user can set:
    whatever speaks against the plan is in its `problems`.
    """
    asked = {**DEFAULTS, **{key: value for key, value in contract.items() if value is not None}}
    if asked["data_parallel_size"] == 1:
        asked["data_parallel_size"] = 0  # one replica is none
    nodes = dict(sorted(nodes.items(), key=lambda item: item[1].get("role") != "head"))
    empty = Plan(engine=str(asked["engine"]), executor=str(asked["executor"]), model=str(asked["model"]))
    problems: list[Refusal] = []
    if not nodes:
        return replace(empty, problems=[_no_nodes()])
    model = _model(asked, problems)
    _engine(asked, problems)
    problems += value_problems(asked)
    if any(problem.code == "bad-value" for problem in problems):
        return replace(empty, problems=_problems(problems))
    fleet, found = read_fleet(asked, nodes)
    problems += found
    addressed = {str(name): _address(name, node, fleet) for name, node in nodes.items()}
    if model is None or fleet is None or fleet.per_node == 0 or _hopeless(problems):
        return replace(empty, nodes=addressed, problems=_problems(problems))
    choice, found = choose_engine(asked, model, fleet)
    problems += found
    if choice is None:
        return replace(empty, nodes=addressed, accelerator=fleet.name, problems=_problems(problems))
    problems += flag_problems(choice, [str(a) for a in asked["engine_extra_args"]])
    problems += setting_problems(asked, choice)
    problems += tool_call_problems(asked, model, choice)
    problems += image_problems(choice, fleet)
    mode, found = choose_mode(asked, choice)
    problems += found
    asked = with_mode(asked, choice, mode)
    problems += replica_problems(asked, choice)
    checkpoints, found = choose_checkpoints(asked, model, choice, fleet)
    problems += found
    if not checkpoints:
        return replace(empty, nodes=addressed, accelerator=fleet.name, problems=_problems(problems))
    if _hopeless(problems):
        return replace(empty, nodes=addressed, accelerator=fleet.name, problems=_problems(problems))
    checkpoint = checkpoints[0]
    sizing = size_up(asked, model, checkpoint, choice, fleet, mode)
    problems += speculation_problems(asked, model, checkpoint, choice, mode, sizing.layout.pipeline_parallel_size)
    dtype, found, why_dtype = choose_dtype(asked, checkpoint, fleet)
    problems += found
    problems += cache_problems(asked, model, fleet)
    problems += sizing.problems
    if not sizing.problems and not sizing.fits:
        problems += no_fit(asked, model, checkpoint, choice, fleet, sizing)
    problems += shm_problems(fleet) if not choice.engine.container.shm_size else []
    fabric, found = derive_fabric(
        asked, fleet.nodes, fleet.accelerator.vendor, nccl_chooses_gid=nccl_chooses_gid(choice.version.nccl)
    )
    problems += found
    decided = Decided(asked, model, fleet, choice, checkpoint, dtype, sizing, mode, fabric)
    return render(decided, _problems(problems), why_dtype)


def _hopeless(problems: list[Refusal]) -> bool:
    """Say whether a name is unknown, a value impossible or a machine another, so that planning on would be noise."""
    return any(problem.code in _HOPELESS for problem in problems)


def _problems(problems: list[Refusal]) -> list[Problem]:
    return list(dict.fromkeys(problems))


def _no_nodes() -> Refusal:
    return BadValue("The inventory has no node that serves.", "Put one host into group ray_head of hosts.yml.")


def _model(asked: Mapping[str, Any], problems: list[Refusal]) -> Model | None:
    try:
        return load_model(str(asked["model"]))
    except UnknownNameError as error:
        problems.append(_unknown(error, "model"))
    except CatalogError as error:
        problems.append(CatalogBroken(str(error), "Correct that file, or name a model of the catalog."))
    return None


def _engine(asked: Mapping[str, Any], problems: list[Refusal]) -> None:
    if asked["engine"] == "auto":
        return
    try:
        load_engine(str(asked["engine"]))
    except UnknownNameError as error:
        problems.append(_unknown(error, "engine"))


def _unknown(error: UnknownNameError, key: str) -> UnknownName:
    message, _, remedy = str(error).partition(". ")
    near = remedy.removeprefix("Did you mean ").removesuffix("?") if remedy.startswith("Did you mean") else ""
    return UnknownName(f"{message}.", remedy, {key: near} if near else None)


def _address(name: str, node: Mapping[str, Any], fleet: Fleet | None) -> NodePlan:
    known = next((n for n in fleet.nodes if n.name == str(name)), None) if fleet else None
    interface = known.interface if known else ""
    return NodePlan(str(node.get("role", "worker")), 0, str(node.get("address", "")), interface, [], {})
