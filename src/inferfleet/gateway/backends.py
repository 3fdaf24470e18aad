"""The models behind the gateway and their replicas, from the plans."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from inferfleet.components import load_component
from inferfleet.engines import load_engines


@dataclass(frozen=True)
class Replica:
    """A server of a model."""

    name: str
    address: str
    port: int
    capacity: int
    """Requests that it computes at once; further ones wait at the gateway. 0: not known, unlimited."""
    supervisor_port: int = 0
    """Port at which its supervisor answers; 0: it has none."""


@dataclass(frozen=True)
class Backend:
    """A model, under the name that clients use, with its replicas."""

    name: str
    """Name in HAProxy's configuration."""
    model: str
    api_path: str
    health_path: str
    takes_api_key: bool
    replicas: tuple[Replica, ...]


def backends_of(plans: Iterable[Mapping[str, Any]]) -> tuple[Backend, ...]:
    """Return a backend per served model name, in the order of the plans (JSON form), one plan per replica."""
    by_model: dict[str, list[Mapping[str, Any]]] = {}
    for plan in plans:
        if plan["protocol"] != "none" and plan["head"]:
            by_model.setdefault(plan["served_model_name"], []).append(plan)
    names = _names(by_model)
    return tuple(
        Backend(
            name=names[model],
            model=model,
            api_path=replicas[0]["api_path"],
            health_path=load_engines()[replicas[0]["engine"]].health_path,
            takes_api_key=any(plan["takes_api_key"] for plan in replicas),
            replicas=tuple(_replica(plan) for plan in replicas),
        )
        for model, replicas in by_model.items()
    )


def _replica(plan: Mapping[str, Any]) -> Replica:
    # vLLM applies max_num_seqs to each data-parallel rank.
    capacity = plan["max_num_seqs"] * plan["data_parallel_size"]
    address = plan["nodes"][plan["head"]]["address"]
    supervisor_port = load_component("supervisor").ports[0].number if plan.get("supervised") else 0
    return Replica(server_name(plan), address, plan["port"], capacity, int(supervisor_port))


def server_name(plan: Mapping[str, Any]) -> str:
    """Return the name of a replica's server."""
    return f"{plan['head']}_{plan['port']}"


def _names(models: Iterable[str]) -> dict[str, str]:
    """Return a different name for each model, of characters that HAProxy allows."""
    names: dict[str, str] = {}
    for model in models:
        name = base = "model_" + re.sub(r"[^A-Za-z0-9_.-]", "_", model)
        number = 1
        while name in names.values():
            number += 1
            name = f"{base}_{number}"
        names[model] = name
    return names
