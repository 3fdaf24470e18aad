"""The state of replicas and GPUs as rows, from what the nodes reported last."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from inferfleet.cli.output.text import tr
from inferfleet.messages import N_
from inferfleet.supervisor.messages import state_message

States = Mapping[str, Mapping[str, Any]]
"""By node, what it reported last."""

NO_VALUE = "–"
_STALE = 10.0  # seconds without a report, after which values are old
_GOOD = "serving"
_SINGLE_GPUS = 16
"""So many are shown one by one; of more, one row for each node."""


@dataclass(frozen=True, slots=True)
class ReplicaRow:
    """One replica; None: unknown."""

    name: str
    state: str
    generation: int
    restarts: int
    running: float | None = None
    waiting: float | None = None
    tokens: float | None = None  # generated per second
    kv_cache: float | None = None  # share


@dataclass(frozen=True, slots=True)
class GpuRow:
    """One GPU, or all of a node: percent, MiB, watts, °C; None: not reported."""

    node: str
    index: int | str
    utilization: float | None
    used: float | None
    total: float | None
    power: float | None
    temperature: float | None


def replica_rows(now: States, before: States) -> list[ReplicaRow]:
    """Return a row for each replica, from its head node; `before` are earlier reports, for rates."""
    rows = []
    for node, state in now.items():
        status, engine = state.get("supervisor") or {}, state.get("engine") or {}
        if not status and not engine:
            continue
        if status and status.get("leader") != node:
            continue
        rows.append(
            ReplicaRow(
                name=str(status.get("replica") or node),
                state=str(status.get("state") or ""),
                generation=int(status.get("generation") or 0),
                restarts=int(status.get("restarts") or 0),
                running=engine.get("running"),
                waiting=engine.get("waiting"),
                tokens=_rate(state, before.get(node) or {}),
                kv_cache=engine.get("kv_cache"),
            )
        )
    return sorted(rows, key=lambda row: row.name)


def gpu_rows(now: States) -> list[GpuRow]:
    """Return a row for each GPU, in the order of the nodes."""
    return [GpuRow(node, int(gpu[0] or 0), *gpu[1:6]) for node, state in now.items() for gpu in state.get("gpus") or ()]


def by_node(gpus: Sequence[GpuRow]) -> list[GpuRow]:
    """Return a row for each node: mean utilization, sums of memory and power, and the highest temperature."""
    rows = []
    for node in dict.fromkeys(gpu.node for gpu in gpus):
        own = [gpu for gpu in gpus if gpu.node == node]
        index = f"{own[0].index}-{own[-1].index}" if len(own) > 1 else own[0].index
        total, used = _combined(sum, [gpu.total for gpu in own]), _combined(sum, [gpu.used for gpu in own])
        power = _combined(sum, [gpu.power for gpu in own])
        utilization = _combined(fmean, [gpu.utilization for gpu in own])
        rows.append(
            GpuRow(node, index, utilization, used, total, power, _combined(max, [gpu.temperature for gpu in own]))
        )
    return rows


def _combined(function: Callable[[list[float]], float], values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return function(known) if known else None


def _rate(now: Mapping[str, Any], before: Mapping[str, Any]) -> float | None:
    """Return tokens per second between two reports; None after a restart, which resets the counter."""
    first, last = ((state.get("engine") or {}).get("generated") for state in (before, now))
    if first is None or last is None or now["time"] <= before["time"] or last < first:
        return None
    return float((last - first) / (now["time"] - before["time"]))


def silent(now: States, lost: Mapping[str, str], at: float) -> dict[str, str]:
    """Return the nodes without a current report, with the reason."""
    old = {node: tr(N_("no report")) for node, state in now.items() if at - state["received"] > _STALE}
    return {**old, **lost}


def picture(replicas: Sequence[ReplicaRow], gpus: Sequence[GpuRow], silent_nodes: Mapping[str, str]) -> RenderableType:
    """Return the tables of a terminal."""
    table = _table(N_("Replica"), N_("State"))
    for title in (N_("Restarts"), N_("Running"), N_("Waiting"), N_("Tokens/s"), N_("KV cache")):
        table.add_column(tr(title), justify="right", no_wrap=True)
    for row in replicas:
        state = Text(_state(row), style="green" if row.state == _GOOD else "yellow")
        table.add_row(row.name, state, str(row.restarts), *_values(row))
    parts: list[RenderableType] = [table if replicas else Text(tr(N_("No supervisor or engine answers.")))]
    # Before the GPUs, which may be more than the terminal has lines.
    parts += [Text(f"{node}: {reason}", style="red") for node, reason in silent_nodes.items()]
    if gpus:
        table = _table(N_("Node"))
        for title in ("GPU", N_("Utilization"), N_("Memory"), N_("Power"), N_("Temperature")):
            table.add_column(tr(title), justify="right", no_wrap=True)
        for gpu in gpus if len(gpus) <= _SINGLE_GPUS else by_node(gpus):
            table.add_row(gpu.node, str(gpu.index), *_gpu_values(gpu))
        parts += ["", table]
    return Group(*parts)


def heading(inventory: str, moment: str) -> Text:
    """Return the line above the tables: which cluster, when they were drawn, and how to end."""
    return Text(tr(N_("{inventory} · {time} · Ctrl-C to stop"), inventory=inventory, time=moment), style="dim")


def plain_lines(replicas: Sequence[ReplicaRow], gpus: Sequence[GpuRow], silent_nodes: Mapping[str, str]) -> list[str]:
    """Return a line for each replica, node with GPUs, and silent node."""
    template = N_("{name}: {state}, {running} running, {waiting} waiting, {tokens} tokens/s, KV cache {kv}")
    lines = []
    for row in replicas:
        running, waiting, tokens, kv = _values(row)
        values = {"running": running, "waiting": waiting, "tokens": tokens, "kv": kv}
        lines.append(tr(template, name=row.name, state=_state(row), **values))
    for gpu in gpus:
        utilization, memory, power, temperature = _gpu_values(gpu)
        lines.append(f"{gpu.node}: GPU {gpu.index}: {utilization}, {memory}, {power}, {temperature}")
    return [*lines, *(f"{node}: {reason}" for node, reason in silent_nodes.items())]


def _table(*titles: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for title in titles:
        table.add_column(tr(title), overflow="fold")
    return table


def _state(row: ReplicaRow) -> str:
    return str(state_message(row.state)) if row.state else tr(N_("without supervisor"))


def _values(row: ReplicaRow) -> list[str]:
    share = None if row.kv_cache is None else row.kv_cache * 100
    return [_shown(row.running), _shown(row.waiting), _shown(row.tokens, ".1f"), _shown(share, ".0f", " %")]


def _gpu_values(gpu: GpuRow) -> list[str]:
    memory = NO_VALUE
    if gpu.used is not None and gpu.total is not None:
        memory = f"{gpu.used / 1024:.1f}/{gpu.total / 1024:.1f} GiB"
    power, temperature = _shown(gpu.power, ".0f", " W"), _shown(gpu.temperature, ".0f", " °C")
    return [_shown(gpu.utilization, ".0f", " %"), memory, power, temperature]


def _shown(value: float | None, form: str = ".0f", unit: str = "") -> str:
    return NO_VALUE if value is None else f"{value:{form}}{unit}"
