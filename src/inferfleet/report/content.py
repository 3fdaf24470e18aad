"""From plans, what nodes said and what runs have found to what the report shows; nothing here knows HTML."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from inferfleet import __version__
from inferfleet.messages import N_, Message
from inferfleet.report.results import kept, newest_runs

Fields = Mapping[str, Any]
_SILENT: Fields = {"answers": False, "facts": {}, "accelerators": {}, "weights": {}, "images": [], "containers": []}
_NO_TOOL: Fields = {"accelerators": [], "driver_version": "", "problems": []}
_PLOTS = ("throughput.svg", "latency.svg")


@dataclass(frozen=True)
class Part:
    """A part of an accelerator's memory: its name (a key of LABELS), GiB, and its share of the whole (0 to 1)."""

    name: str
    gib: float
    share: float


@dataclass(frozen=True)
class Cell:
    """One direction between two nodes in the matrix: Gbit/s, and how it compares with the fastest (0 to 1)."""

    gbps: float
    heat: float


@dataclass(frozen=True)
class Bench:
    """One run of the benchmark, with its plots as data URIs."""

    run: Fields
    plots: list[str]


@dataclass(frozen=True)
class Service:
    """One model and all that is known of it."""

    plan: Fields
    nodes: dict[str, Fields]
    memory: list[Part]
    proof: Fields
    fabric: Fields
    matrix: dict[str, dict[str, Cell]]
    benches: list[Bench]
    evaluations: list[Fields]
    warnings: list[Message | Fields | str] = field(default_factory=list)
    """Texts, or problems and messages in their JSON form."""

    @property
    def name(self) -> str:
        """What the service is called: its own name, or its model's."""
        return str(self.plan.get("service") or self.plan.get("served_model_name") or self.plan.get("model"))

    @property
    def works(self) -> bool | None:
        """Whether the last proof held; None where there was none."""
        items = self.proof.get("data") or []
        return all(item.get("ok") for item in items) if items else None


@dataclass(frozen=True)
class Content:
    """Everything on the page; `when` is UTC."""

    inventory: str
    when: datetime
    version: str
    services: list[Service]
    others: dict[str, Fields]
    """Nodes that serve no model, such as the web UI's own."""


def make_content(
    *, inventory: str, plans: Sequence[Fields], nodes: Mapping[str, Fields], results: Path, now: datetime
) -> Content:
    """Return what the report shows.

    `plans` are those of all services; `nodes` maps each host to what it said; `results` is the folder that runs leave
    their findings in.
    """
    said: dict[str, Fields] = {host: _node(node) for host, node in nodes.items()}
    services = [_service(plan, said, results) for plan in plans]
    serving = {host for plan in plans for host in plan["nodes"]}
    others: dict[str, Fields] = {host: {**node, "plan": None} for host, node in said.items() if host not in serving}
    return Content(inventory, now, __version__, services, others)


def _service(plan: Fields, nodes: Mapping[str, Fields], results: Path) -> Service:
    name = str(plan.get("service") or "")
    own: dict[str, Fields] = {
        host: {"plan": placed, **nodes.get(host, _node({}))} for host, placed in plan["nodes"].items()
    }
    fabric = kept(results, "fabric", name)
    benches = newest_runs(results, "bench", "bench.json", name)
    evaluations = newest_runs(results, "evaluate", "evaluation.json", name)
    return Service(
        plan=plan,
        nodes=own,
        memory=memory_parts(plan.get("budget") or {}),
        proof=kept(results, "verify", name),
        fabric=fabric,
        matrix=fabric_matrix((fabric.get("data") or {}).get("pairs") or []),
        benches=[Bench(run, _plots(folder)) for folder, run in benches],
        evaluations=[run for _, run in evaluations],
        warnings=[*plan.get("warnings", ()), *plan.get("problems", ()), *_node_warnings(own)],
    )


def _node(said: Fields) -> dict[str, Any]:
    """Return what a node said, with nothing in place of what it did not say."""
    node = {**_SILENT, **said}
    return {**node, "accelerators": {**_NO_TOOL, **node["accelerators"]}}


def memory_parts(budget: Fields) -> list[Part]:
    """Return the parts of one accelerator's memory, in the order that an engine takes them; empty without a budget."""
    total = budget.get("total_bytes") or 0
    names = ("weights", "activation", "overhead", "kv_cache", "free")
    return [
        Part(name, max(0, budget[f"{name}_bytes"]) / 2**30, max(0, budget[f"{name}_bytes"]) / total)
        for name in names
        if total
    ]


def fabric_matrix(pairs: Sequence[Fields]) -> dict[str, dict[str, Cell]]:
    """Return sender → receiver → bandwidth, compared with the fastest pair."""
    fastest = max((float(pair["gbps"]) for pair in pairs), default=0.0)
    matrix: dict[str, dict[str, Cell]] = {}
    for pair in pairs:
        gbps = float(pair["gbps"])
        matrix.setdefault(str(pair["from"]), {})[str(pair["to"])] = Cell(gbps, gbps / fastest if fastest else 0.0)
    return matrix


def _node_warnings(nodes: Mapping[str, Fields]) -> list[Message]:
    silent = [host for host, node in nodes.items() if not node["answers"]]
    found: list[Message] = []
    if silent:
        template = N_("{nodes} did not answer when this was written.")
        found.append(Message("no-answer", template, nodes=silent))
    for host, node in nodes.items():
        for problem in node["accelerators"]["problems"]:
            own = Message.from_dict(problem)
            found.append(Message("node-problem", N_("{node}: {problem}"), node=host, problem=own))
        if node["weights"] and not node["weights"]["complete"]:
            wrong = node["weights"]["wrong"] or Message("", N_("no complete copy"))
            template = N_("{node}: the weights are not what their manifest says: {wrong}.")
            found.append(Message("weights-differ", template, node=host, wrong=wrong))
    return found


def _plots(folder: Path) -> list[str]:
    """Return a run's plots as data URIs; those that are not there are left out."""
    drawn = [folder / name for name in _PLOTS]
    return [
        f"data:image/svg+xml;base64,{base64.b64encode(plot.read_bytes()).decode()}" for plot in drawn if plot.is_file()
    ]
