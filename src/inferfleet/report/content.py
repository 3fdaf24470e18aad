"""The content of the report, from plans, node data and results of runs; independent of HTML."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from inferfleet import __version__
from inferfleet.messages import N_, Message
from inferfleet.planner.plan import plan_name
from inferfleet.report.last_day import last_day_of
from inferfleet.report.results import load_result, newest_runs
from inferfleet.supervisor.settings import replica_name

Fields = Mapping[str, Any]
_NO_ANSWER: Fields = {"answers": False, "facts": {}, "accelerators": {}, "weights": {}, "images": [], "containers": []}
_NO_TOOL: Fields = {"accelerators": [], "driver_version": "", "problems": []}
REPLICA = "replica"
"""Label of Prometheus' targets with the name of a replica."""
_PLOTS = ("throughput.svg", "latency.svg")


@dataclass(frozen=True)
class Part:
    """A part of an accelerator's memory: its name (a key of LABELS), GiB, and its share of the total (0 to 1)."""

    name: str
    gib: float
    share: float


@dataclass(frozen=True)
class Cell:
    """One direction between two nodes in the matrix: Gbit/s, relative to the fastest (0 to 1)."""

    gbps: float
    heat: float


@dataclass(frozen=True)
class Bench:
    """One benchmark run, with its plots as data URIs."""

    run: Fields
    plots: list[str]


@dataclass(frozen=True)
class Service:
    """One service with all its data."""

    plan: Fields
    nodes: dict[str, Fields]
    memory: list[Part]
    verification: Fields
    fabric: Fields
    matrix: dict[str, dict[str, Cell]]
    benches: list[Bench]
    evaluations: list[Fields]
    day: dict[str, float]
    """Measures of the last day by name (see `last_day_query`); empty without monitoring."""
    warnings: list[Message | Fields | str] = field(default_factory=list)
    """Texts, or problems and messages in their JSON form."""

    @property
    def name(self) -> str:
        """Name of the service, or of its model."""
        return str(plan_name(self.plan) or self.plan.get("served_model_name") or self.plan.get("model"))

    @property
    def works(self) -> bool | None:
        """Whether the last verification passed; None without one."""
        items = self.verification.get("data") or []
        return all(item.get("ok") for item in items) if items else None


@dataclass(frozen=True)
class Content:
    """The content of the page; `when` is UTC."""

    inventory: str
    when: datetime
    version: str
    services: list[Service]
    others: dict[str, Fields]
    """Nodes without a model service, such as a separate host of the web UI."""


def make_content(
    *,
    inventory: str,
    plans: Sequence[Fields],
    nodes: Mapping[str, Fields],
    results: Path,
    now: datetime,
    day: Fields | None = None,
) -> Content:
    """Return what the report shows.

    `plans` are those of all services; `nodes` maps each host to its data; `results` is the folder with results of runs,
    `day` Prometheus' answer to `last_day_query`.
    """
    data: dict[str, Fields] = {host: _node(node) for host, node in nodes.items()}
    days = last_day_of(day or {}, REPLICA)
    services = [_service(plan, data, results, days) for plan in plans]
    serving = {host for plan in plans for host in plan["nodes"]}
    others: dict[str, Fields] = {host: {**node, "plan": None} for host, node in data.items() if host not in serving}
    return Content(inventory, now, __version__, services, others)


def _service(plan: Fields, nodes: Mapping[str, Fields], results: Path, days: Mapping[str, dict[str, float]]) -> Service:
    name = plan_name(plan)
    own: dict[str, Fields] = {
        host: {"plan": placed, **nodes.get(host, _node({}))} for host, placed in plan["nodes"].items()
    }
    fabric = load_result(results, "fabric", name)
    benches = newest_runs(results, "bench", "bench.json", name)
    evaluations = newest_runs(results, "evaluate", "evaluation.json", name)
    return Service(
        plan=plan,
        nodes=own,
        memory=memory_parts(plan.get("budget") or {}),
        verification=load_result(results, "verify", name),
        fabric=fabric,
        matrix=fabric_matrix((fabric.get("data") or {}).get("pairs") or []),
        benches=[Bench(run, _plots(folder)) for folder, run in benches],
        evaluations=[run for _, run in evaluations],
        day=days.get(replica_name(plan), {}) if plan.get("head") else {},
        warnings=[*plan.get("warnings", ()), *plan.get("problems", ()), *_node_warnings(own)],
    )


def _node(data: Fields) -> dict[str, Any]:
    """Return the data of a node, with defaults for missing keys."""
    node = {**_NO_ANSWER, **data}
    return {**node, "accelerators": {**_NO_TOOL, **node["accelerators"]}}


def memory_parts(budget: Fields) -> list[Part]:
    """Return the parts of one accelerator's memory, in the order of allocation; empty without a budget."""
    total = budget.get("total_bytes") or 0
    names = ("weights", "activation", "overhead", "kv_cache", "free")
    return [
        Part(name, max(0, budget[f"{name}_bytes"]) / 2**30, max(0, budget[f"{name}_bytes"]) / total)
        for name in names
        if total
    ]


def fabric_matrix(pairs: Sequence[Fields]) -> dict[str, dict[str, Cell]]:
    """Return sender → receiver → bandwidth, relative to the fastest pair."""
    fastest = max((float(pair["gbps"]) for pair in pairs), default=0.0)
    matrix: dict[str, dict[str, Cell]] = {}
    for pair in pairs:
        gbps = float(pair["gbps"])
        matrix.setdefault(str(pair["from"]), {})[str(pair["to"])] = Cell(gbps, gbps / fastest if fastest else 0.0)
    return matrix


def _node_warnings(nodes: Mapping[str, Fields]) -> list[Message]:
    unanswered = [host for host, node in nodes.items() if not node["answers"]]
    warnings: list[Message] = []
    if unanswered:
        template = N_("{nodes} did not answer when the report was generated.")
        warnings.append(Message("no-answer", template, nodes=unanswered))
    for host, node in nodes.items():
        for problem in node["accelerators"]["problems"]:
            own = Message.from_dict(problem)
            warnings.append(Message("node-problem", N_("{node}: {problem}"), node=host, problem=own))
        if node["weights"] and not node["weights"]["complete"]:
            wrong = node["weights"]["wrong"] or Message("", N_("no complete copy"))
            template = N_("{node}: the weights do not match their manifest: {wrong}.")
            warnings.append(Message("weights-differ", template, node=host, wrong=wrong))
    return warnings


def _plots(folder: Path) -> list[str]:
    """Return the existing plots of a run as data URIs."""
    plots = [folder / name for name in _PLOTS]
    return [
        f"data:image/svg+xml;base64,{base64.b64encode(plot.read_bytes()).decode()}" for plot in plots if plot.is_file()
    ]
