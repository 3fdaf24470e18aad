"""Tables of a plan."""

import shlex
from collections.abc import Iterable, Sequence
from itertools import groupby
from math import ceil

from rich.console import Console
from rich.table import Table
from rich.text import Text

from inferfleet.cli.output.text import shown, tr
from inferfleet.messages import N_, Problem
from inferfleet.planner import NodePlan, Plan
from inferfleet.planner.layouts import Candidate
from inferfleet.planner.load_time import LOAD_BYTES_PER_SECOND
from inferfleet.planner.memory import GIB, Budget

_NO_ALTERNATIVES = N_(
    "No other layout was compared: tensor_parallel_size, pipeline_parallel_size, data_parallel_size or the vendor's"
    " mode fixes it."
)


_ROLES = {"head": N_("head"), "worker": N_("worker")}
_SHOWN = (
    *("model", "checkpoint", "precision", "dtype", "engine", "engine_version", "executor"),
    *("max_model_len", "max_num_seqs", "served_model_name", "port"),
)


def print_plan(
    console: Console, replicas: Sequence[Plan], *, alternatives: bool = False, concluded: bool = True
) -> None:
    """Print the summary, nodes, accelerator memory, reasons, commands, warnings and problems of a service.

    Its replicas differ only in their nodes and in what concerns these; the memory is that of the smallest. With
    `concluded` it ends with the conclusion that the plan is feasible.
    """
    plan = replicas[0]
    if plan.image:
        console.print(_facts(_summary(replicas)))
        console.print()
        console.print(_nodes(replicas))
    if plan.budget:
        console.print()
        console.print(_budget(plan.budget, plan))
        console.print(_cache(plan.budget, plan))
    _list(console, N_("Reasons"), plan.reasons, "dim")
    if alternatives and plan.image:
        console.print()
        console.print(_alternatives(plan.alternatives) if plan.alternatives else Text(tr(_NO_ALTERNATIVES)))
    problems = list(dict.fromkeys(problem for plan in replicas for problem in plan.problems))
    if not problems:
        _list(console, N_("Commands"), _commands(plan), "")
    _warnings(console, replicas)
    print_problems(console, problems)
    if not problems and concluded:
        console.print()
        console.print(Text(tr(N_("The plan is feasible.")), style="green"))


def print_outline(console: Console, plans: Sequence[Plan]) -> None:
    """Print the summary of each service's plan, and its warnings."""
    for _, group in groupby(plans, key=lambda plan: plan.service):
        replicas = [*group]
        console.print(_facts(_summary(replicas)))
        _warnings(console, replicas)
        console.print()
    console.print(Text(tr(N_("The plan is feasible.")), style="green"))


def print_plans(console: Console, plans: Sequence[Plan], *, alternatives: bool = False, concluded: bool = True) -> None:
    """Print the plan of each service."""
    for number, (service, replicas) in enumerate(groupby(plans, key=lambda plan: plan.service)):
        if service:
            title = tr(N_("service {name}"), name=service)
            console.print("\n" * bool(number) + f"── {title} ──\n", style="bold")
        print_plan(console, [*replicas], alternatives=alternatives, concluded=concluded)


def print_problems(console: Console, problems: Iterable[Problem]) -> None:
    """Print each problem with its remedy."""
    for problem in problems:
        console.print()
        console.print(Text(problem.message, style="bold red"), soft_wrap=True)
        console.print(Text(f"  {problem.remedy}"), soft_wrap=True)


def facts_table(rows: Sequence[tuple[str, str]]) -> Table:
    """Return names and values in two columns."""
    return _facts(rows)


def _summary(replicas: Sequence[Plan]) -> list[tuple[str, str]]:
    plan = replicas[0]
    sizes = dict.fromkeys(f"{each.accelerators} × {each.accelerator}" for each in replicas)
    known = {name: getattr(plan, name) for name in _SHOWN}
    return [
        (tr(N_("Model")), tr(N_("{model} as {checkpoint} ({precision}, computed in {dtype})"), **known)),
        (tr(N_("Engine")), tr(N_("{engine} {engine_version} over {executor}"), **known)),
        (tr(N_("Image")), plan.image),
        *([(tr(N_("Replicas")), str(plan.replicas))] if plan.replicas > 1 else []),
        (tr(N_("Accelerators")), _per_replica(" / ".join(sizes), plan.replicas)),
        (tr(N_("Parallel")), " / ".join(dict.fromkeys(map(_parallel, replicas)))),
        (tr(N_("Profile")), plan.profile),
        (tr(N_("Context")), tr(N_("{max_model_len} tokens, {max_num_seqs} concurrent sequences"), **known)),
        (tr(N_("Loading")), loading(plan)),
        (tr(N_("Served as")), tr(N_("{served_model_name} on port {port}"), **known)),
    ]


def loading(plan: Plan) -> str:
    """Return how long each node reads the weights, with the speed that this assumes."""
    return tr(
        N_("{size:.1f} GiB per node, about {minutes} min at {speed} GB/s from a local disk"),
        size=plan.load_bytes / GIB,
        minutes=ceil(plan.load_seconds / 60),
        speed=LOAD_BYTES_PER_SECOND / 1e9,
    )


def accelerators(count: int, name: str, replicas: int) -> str:
    """Return the accelerators of a replica for display."""
    return _per_replica(f"{count} × {name}", replicas)


def _per_replica(devices: str, replicas: int) -> str:
    return tr(N_("{devices} per replica"), devices=devices) if replicas > 1 else devices


def _parallel(plan: Plan) -> str:
    sizes = {
        "tensor": plan.tensor_parallel_size,
        "pipeline": plan.pipeline_parallel_size,
        "data": plan.data_parallel_size,
    }
    several = N_("tensor {tensor}, pipeline {pipeline}, data {data}")
    shown_sizes = tr(several if plan.data_parallel_size > 1 else N_("tensor {tensor}, pipeline {pipeline}"), **sizes)
    if plan.decode_context_parallel_size > 1:
        context = N_("{sizes}, decode context {ranks}")
        shown_sizes = tr(context, sizes=shown_sizes, ranks=plan.decode_context_parallel_size)
    return shown_sizes


def _facts(rows: Sequence[tuple[str, str]]) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(name, value)
    return table


def _nodes(replicas: Sequence[Plan]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    rows = [(plan, name, node) for plan in replicas for name, node in plan.nodes.items()]
    networks = [_network(plan, node) for plan, _, node in rows]
    titles = [N_("Node"), N_("Role"), N_("Rank"), N_("Address"), N_("Interface")]
    for title in [
        *([N_("Replica")] if len(replicas) > 1 else []),
        *titles,
        *([N_("Network")] if any(networks) else []),
    ]:
        table.add_column(tr(title), overflow="fold")
    for (plan, name, node), network in zip(rows, networks, strict=True):
        role, interface = tr(_ROLES.get(node.role, node.role)), node.interface or tr(N_("unknown"))
        row = [name, role, str(node.rank), node.address, interface]
        table.add_row(*([str(plan.replica)] if plan.replica else []), *row, *([network] if any(networks) else []))
    return table


def _network(plan: Plan, node: NodePlan) -> str:
    """Return the transport of a node (RDMA ports or TCP) and its link rate; empty if unknown."""
    over = " ".join(node.rdma) or plan.transport.upper()
    rate = f"{node.link_gbps:g} Gbit/s" if node.link_gbps and over else ""
    return ", ".join(part for part in (over, rate) if part)


def _budget(budget: Budget, plan: Plan) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(tr(N_("Memory of one {accelerator}"), accelerator=plan.accelerator))
    table.add_column("GiB", justify="right")
    for name, size in (
        (N_("Weights"), budget.weights_bytes),
        (N_("Activations"), budget.activation_bytes),
        (N_("Runtime, collectives, graphs"), budget.overhead_bytes),
        (N_("KV cache"), budget.kv_cache_bytes),
        (N_("Free"), budget.free_bytes),
        (N_("Total"), budget.total_bytes),
    ):
        table.add_row(tr(name), Text(f"{size / GIB:.2f}", style="bold red" if size < 0 else ""))
    return table


def _cache(budget: Budget, plan: Plan) -> str:
    return tr(
        N_("KV cache for {tokens} tokens: {sequences} sequences of {length} tokens"),
        tokens=budget.kv_cache_tokens,
        sequences=f"{budget.max_concurrency:.1f}",
        length=plan.max_model_len,
    )


def _commands(plan: Plan) -> list[str]:
    """Return the command lines of the head and of one worker; --json contains those of every node."""
    lines: list[str] = []
    for role in ("head", "worker"):
        name, node = next(((name, node) for name, node in plan.nodes.items() if node.role == role), ("", None))
        if node:
            lines += [f"{name}: {shlex.join(argv)}" for argv in (node.ray_argv, node.argv) if argv]
    return lines


def _alternatives(candidates: Sequence[Candidate]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    several = len({candidate.replicas for candidate in candidates}) > 1
    for column in [*([N_("Replicas")] if several else []), N_("Layout"), N_("KV cache tokens"), N_("Result")]:
        table.add_column(tr(column), overflow="fold")
    for candidate in candidates:
        tokens = str(candidate.budget.kv_cache_tokens) if candidate.budget else ""
        row = [shown(candidate.layout), tokens, shown(candidate.reason)]
        table.add_row(*([str(candidate.replicas)] if several else []), *row)
    return table


def _warnings(console: Console, replicas: Sequence[Plan]) -> None:
    warnings = dict.fromkeys(shown(warning) for plan in replicas for warning in plan.warnings)
    _list(console, N_("Warnings"), [*warnings], "yellow")


def _list(console: Console, title: str, items: Sequence[object], style: str) -> None:
    if items:
        console.print()
        console.print(Text(tr(title), style="bold"))
        for item in items:
            console.print(Text(f"  {shown(item)}", style=style), soft_wrap=True)
