"""Settings of the supervisor of one node, from the plan of its replica."""

from collections.abc import Mapping, Sequence
from typing import Any

from inferfleet.components import load_component
from inferfleet.engines import load_engines
from inferfleet.gateway.backends import server_name

Plan = Mapping[str, Any]
"""A plan in JSON form."""

_LOAD_SECONDS = 1800
"""For everything but reading the weights: compiling and tuning kernels, and capturing CUDA graphs."""
_LOAD_FACTOR = 4
"""Disks are slower than the one that `load_seconds` of the plan was measured with, and ranks may read one by one."""
_JOIN_SECONDS = 300
"""From the start of the first container of a stage until all run; the time that a deployment waits for Ray."""
_STOP_SECONDS = 30
"""From SIGTERM to SIGKILL: vLLM and Ray end within 10 seconds unless they hang."""


def replica_name(plan: Plan) -> str:
    """Return the name of a replica as `inferfleet drain` knows it: that of its plan, or its server at the gateway."""
    return str(plan.get("name") or server_name(plan))


def node_settings(plan: Plan, node: str, api_key: str, ray_port: int) -> dict[str, Any]:
    """Return the settings of the supervisor on `node`; `api_key` is the engines', `ray_port` that of the head node."""
    component = load_component("supervisor")
    leader = plan["head"]
    settings = {
        "node": node,
        "address": plan["nodes"][node]["address"],
        "port": component.ports[0].number,
        "token_file": component.files["token"],
        "replica": {
            "name": replica_name(plan),
            "leader": leader,
            "members": [{"node": name, "address": member["address"]} for name, member in plan["nodes"].items()],
            "stages": _stages(plan, node, ray_port),
            "ranks": {"pattern": plan["rank_processes"], "count": _ranks(plan)},
            "seconds": {
                "hang": plan["hang_seconds"],
                "load": _LOAD_SECONDS + _LOAD_FACTOR * plan["load_seconds"],
                "join": _JOIN_SECONDS,
                "stop": _STOP_SECONDS,
            },
        },
    }
    if node == leader:
        settings["replica"]["probe"] = _probe(plan, api_key)
    return settings


def _stages(plan: Plan, node: str, ray_port: int) -> list[list[dict[str, Any]]]:
    """Return the containers of a node by stage: all nodes run those of a stage before the next one starts.

    Ray's head node comes first: `ray start` on another node gives up if it does not reach it in time. The engine waits
    itself until Ray runs on all nodes.
    """
    planned = plan["nodes"][node]
    engine = [_container("engine")] if planned["argv"] else []
    if plan["executor"] != "ray":
        return [engine]
    if node == plan["head"]:
        return [[{**_ray(), "port": ray_port}], engine]
    return [[], [_ray(), *engine]]


def _ray() -> dict[str, Any]:
    return {**_container("ray"), "sessions": load_component("ray").volumes[0]}


def _container(component: str) -> dict[str, Any]:
    return {"container": load_component(component).container}


def _ranks(plan: Plan) -> int:
    """Return the number of rank processes on a node; 0 if the engine's cannot be recognized."""
    sizes: Sequence[int] = [plan[f"{kind}_parallel_size"] for kind in ("tensor", "pipeline", "data")]
    return sizes[0] * sizes[1] * sizes[2] // len(plan["nodes"]) if plan["rank_processes"] else 0


def _probe(plan: Plan, api_key: str) -> dict[str, Any]:
    probe = {
        "port": plan["port"],
        "path": f"{plan['api_path']}/chat/completions",
        "model": plan["served_model_name"],
        "authorization": f"Bearer {api_key}" if plan["takes_api_key"] else "",
    }
    metrics = load_engines()[plan["engine"]].metrics
    shown = {"generated", "kv_cache"}  # only `inferfleet status --watch` reads them
    return probe | ({"metrics": metrics.model_dump(mode="json", exclude=shown)} if metrics else {})
