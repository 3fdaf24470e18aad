"""Evaluation of the measurements between the nodes: slow nodes, pairs and adapters."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from inferfleet.fabric.bandwidth import all_reduce_gbps, send_gbps, upper_median
from inferfleet.fabric.nccl_log import NcclLog, read_nccl_log
from inferfleet.messages import N_, Message, Problem

_SHOWN = 6  # slow pairs that are listed; the others are only counted
_LINK = N_("{rate} Gbit/s, {percent} % of the link's rate ({expected} Gbit/s; the threshold is {least} %)")
_MEDIAN = N_("{rate} Gbit/s, {percent} % of the median of all pairs ({expected} Gbit/s; the threshold is {least} %)")


@dataclass(frozen=True)
class Limits:
    """Thresholds below which a bandwidth is too low, as shares (0 to 1) of the reference value."""

    rdma_share: float = 0.7
    tcp_share: float = 0.3
    median_share: float = 0.5


@dataclass(frozen=True)
class Pair:
    """One direction between two nodes. Bandwidths are in Gbit/s, 0 if unknown; `lanes` are those of the local ranks."""

    sender: str
    receiver: str
    gbps: float
    link_gbps: float
    latency_ms: float
    lanes: tuple[float, ...] = ()


@dataclass(frozen=True)
class Slow:
    """A pair that is too slow, and its reference value; `comparison` is the message template."""

    pair: Pair
    expected: float
    comparison: str
    share: float

    @property
    def measured(self) -> Message:
        """The comparison as a message."""
        return Message(
            "",
            self.comparison,
            rate=gbps(self.pair.gbps),
            percent=f"{100 * self.pair.gbps / self.expected:.0f}",
            expected=gbps(self.expected),
            least=f"{100 * self.share:.0f}",
        )


@dataclass(frozen=True)
class Report:
    """Measurements and results; `problems` is empty if the network meets the thresholds."""

    transport: str
    backend: str
    ranks: int
    pairs: list[Pair]
    all_reduce: list[dict[str, float]]
    """Each size with `bytes`, `seconds` and `bus_gbps` (Gbit/s)."""
    median_gbps: float
    problems: list[Problem] = field(default_factory=list)
    notes: list[Message] = field(default_factory=list)
    connections: int = 0
    """Number of connections of the port check from every node; 0 if it was not run."""

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form, including the rows of the summary."""
        form = {item.name: getattr(self, item.name) for item in fields(self)}
        form["pairs"] = [
            {
                "from": p.sender,
                "to": p.receiver,
                **{k: v for k, v in asdict(p).items() if k not in ("sender", "receiver")},
            }
            for p in self.pairs
        ]
        form["problems"] = [problem.as_dict() for problem in self.problems]
        form["notes"] = [note.as_dict() for note in self.notes]
        rows = [{"label": label.as_dict(), "text": text.as_dict()} for label, text in self.rows()]
        return {**form, "ok": not self.problems, "rows": rows}

    def rows(self) -> list[tuple[Message, Message]]:
        """Return label and text of each line of the summary."""
        over = {"rdma": "RDMA", "tcp": "TCP"}.get(self.transport, self.backend)
        last = self.all_reduce[-1] if self.all_reduce else None
        rows = []
        if self.connections:
            text = Message("", N_("all reachable from every node ({count} connections)"), count=self.connections)
            rows.append((Message("", N_("ports")), text))
        if last:
            text = Message(
                "",
                N_("{rate} Gbit/s bus bandwidth, {size} MiB over {ranks} ranks, {over}"),
                rate=gbps(last["bus_gbps"]),
                size=f"{last['bytes'] / 2**20:g}",
                ranks=self.ranks,
                over=over,
            )
            rows.append((Message("", N_("all-reduce")), text))
        shown = sorted(self.pairs, key=lambda pair: pair.gbps)
        rows += [_row(pair) for pair in (shown if len(shown) <= 12 else shown[:6])]
        if len(shown) > 12:
            faster = N_("and {count} faster pairs, up to {rate} Gbit/s")
            text = Message("", faster, count=len(shown) - 6, rate=gbps(shown[-1].gbps))
            rows.append((Message("", ""), text))
        return rows + [(Message("", N_("note")), note) for note in self.notes]


def _row(pair: Pair) -> tuple[Message, Message]:
    label = Message("", "{sender} → {receiver}", sender=pair.sender, receiver=pair.receiver)
    measured = {"rate": gbps(pair.gbps), "latency": f"{pair.latency_ms:.2f}"}
    if not pair.link_gbps:
        return label, Message("", N_("{rate} Gbit/s, {latency} ms"), **measured)
    of_link = N_("{rate} of {link} Gbit/s, {latency} ms")
    return label, Message("", of_link, link=gbps(pair.link_gbps), **measured)


def evaluate_fabric(
    result: Mapping[str, Any],
    nodes: Mapping[str, Mapping[str, Any]],
    transport: str,
    limits: Limits,
    connections: int = 0,
) -> Report:
    """Return the report on the measurements of the ranks.

    `result` is the output of the script measure_bandwidth.py; `nodes` maps each node to its part of the plan (`rdma`,
    `link_gbps`); `transport` is the plan's; `connections` is the number of connections of the port check.
    """
    pairs = list(_pairs(result["pairs"], nodes))
    ranks = int(result["world_size"])
    reduced = [
        {"bytes": r["bytes"], "seconds": r["seconds"], "bus_gbps": all_reduce_gbps(r["bytes"], r["seconds"], ranks)}
        for r in result["all_reduce"]
    ]
    median = upper_median([pair.gbps for pair in pairs])
    share = limits.rdma_share if transport == "rdma" else limits.tcp_share
    slow = [s for pair in pairs if (s := _slow(pair, median, share, limits.median_share))]
    logs = {name: read_nccl_log(lines) for name, lines in (result.get("nccl_log") or {}).items()}
    problems = [*_fallback(logs, nodes, transport), *_slow_paths(slow, pairs)]
    if not slow:
        problems += [*_lanes(pairs, limits.median_share), *_all_reduce(reduced, nodes, share)]
    notes = _notes(logs, transport)
    return Report(transport, result["backend"], ranks, pairs, reduced, median, problems, notes, connections)


def _pairs(measured: Sequence[Mapping[str, Any]], nodes: Mapping[str, Mapping[str, Any]]) -> Iterator[Pair]:
    largest = max((m["bytes"] for m in measured), default=0)
    smallest = min((m["bytes"] for m in measured), default=0)
    for sender, receiver in dict.fromkeys((m["from"], m["to"]) for m in measured):
        mine = [m for m in measured if (m["from"], m["to"]) == (sender, receiver)]
        lanes = tuple(send_gbps(m["bytes"], m["seconds"]) for m in mine if m["bytes"] == largest)
        link = min(float(nodes.get(name, {}).get("link_gbps") or 0) for name in (sender, receiver))
        latency = max((m["seconds"] for m in mine if m["bytes"] == smallest), default=0.0)
        yield Pair(sender, receiver, sum(lanes), link, 1000 * latency, lanes)


def _slow(pair: Pair, median: float, share: float, median_share: float) -> Slow | None:
    if pair.link_gbps and pair.gbps < share * pair.link_gbps:
        return Slow(pair, pair.link_gbps, _LINK, share)
    if median and pair.gbps < median_share * median:
        return Slow(pair, median, _MEDIAN, median_share)
    return None


def _slow_paths(slow: Sequence[Slow], pairs: Sequence[Pair]) -> Iterator[Problem]:
    """Yield a problem for each node whose pairs are all slow in one direction, and for each remaining slow pair."""
    if len(slow) == len(pairs) > 2:
        worst = min(slow, key=lambda s: s.pair.gbps)
        yield Problem(
            "network-slow",
            N_("The bandwidth of all node pairs is too low: from {sender} to {receiver} {measured}."),
            N_("Check what they share: MTU, switches, GPUDirect and the NCCL settings in `inferfleet plan --json`."),
            **_measured(worst),
        )
        return
    left, names = list(slow), dict.fromkeys(pair.sender for pair in pairs)
    for role in ("sender", "receiver") if len(names) > 2 else ():
        for name in names:
            mine = [s for s in slow if getattr(s.pair, role) == name]
            rest = [s for s in slow if getattr(s.pair, role) != name]
            if len(mine) == len(names) - 1 and len(rest) < len(pairs) - len(mine):
                yield _slow_node(role, min(mine, key=lambda s: s.pair.gbps))
                left = [s for s in left if s not in mine]
    left.sort(key=lambda s: s.pair.gbps)
    for s in left[:_SHOWN]:
        yield Problem(
            "pair-slow",
            N_("The bandwidth from {sender} to {receiver} is too low: {measured}."),
            N_("Check cable and switch port of both nodes, and the errors in `ip -s link` or `rdma statistic`."),
            **_measured(s),
        )
    if len(left) > _SHOWN:
        more = N_("{count} more pairs are too slow; `inferfleet fabric --json` lists all of them.")
        yield Problem("more-pairs-slow", more, "", count=len(left) - _SHOWN)


def _slow_node(role: str, worst: Slow) -> Problem:
    """Return the problem of a node all of whose pairs are slow in one direction: as `sender` or as `receiver`."""
    remedy = N_("Check cable, switch port and adapter of this node.")
    if role == "sender":
        sends = N_("The bandwidth from {sender} to all other nodes is too low: {measured} to {receiver}.")
        return Problem("sender-slow", sends, remedy, **_measured(worst))
    receives = N_("The bandwidth from all other nodes to {receiver} is too low: {measured} from {sender}.")
    return Problem("receiver-slow", receives, remedy, **_measured(worst))


def _measured(slow: Slow) -> dict[str, Any]:
    return {"sender": slow.pair.sender, "receiver": slow.pair.receiver, "measured": slow.measured}


def _lanes(pairs: Sequence[Pair], median_share: float) -> Iterator[Problem]:
    """Yield a problem for each local rank that is far slower than the others: one slow adapter of several."""
    median = upper_median([lane for pair in pairs for lane in pair.lanes])
    for pair in pairs:
        for number, lane in enumerate(pair.lanes):
            if len(pair.lanes) > 1 and lane < median_share * median:
                yield Problem(
                    "lane-slow",
                    N_(
                        "From {sender} to {receiver}, local rank {rank} reaches {rate} Gbit/s; the median of all ranks"
                        " is {median} Gbit/s."
                    ),
                    N_("Check the adapter next to accelerator {rank} on both nodes."),
                    sender=pair.sender,
                    receiver=pair.receiver,
                    rank=number,
                    rate=gbps(lane),
                    median=gbps(median),
                )


def _all_reduce(
    reduced: Sequence[Mapping[str, float]], nodes: Mapping[str, Mapping[str, Any]], share: float
) -> Iterator[Problem]:
    link = min((float(node.get("link_gbps") or 0) for node in nodes.values()), default=0.0)
    if reduced and link and reduced[-1]["bus_gbps"] < share * link:
        rate = reduced[-1]["bus_gbps"]
        yield Problem(
            "all-reduce-slow",
            N_(
                "The all-reduce over all nodes reaches {rate} Gbit/s, {percent} % of the slowest node's rate ({link}"
                " Gbit/s; the threshold is {least} %), although each pair alone is fast enough."
            ),
            N_(
                "Check the switches between the nodes: they may be oversubscribed or drop packets (PFC and ECN on"
                " Ethernet)."
            ),
            rate=gbps(rate),
            percent=f"{100 * rate / link:.0f}",
            link=gbps(link),
            least=f"{100 * share:.0f}",
        )


def _fallback(logs: Mapping[str, NcclLog], nodes: Mapping[str, Mapping[str, Any]], transport: str) -> Iterator[Problem]:
    for name, log in logs.items():
        if transport != "rdma" or not log.fell_back:
            continue
        message = N_("The plan uses RDMA on {node} ({ports}), but NCCL uses TCP sockets.")
        if log.warnings:
            message = N_("The plan uses RDMA on {node} ({ports}), but NCCL uses TCP sockets. NCCL warns: {warning}.")
        yield Problem(
            "rdma-unused",
            message,
            N_(
                "Check that `ibv_devices` in the engine's container lists them and that their ports are active;"
                " `inferfleet check` shows the node's RDMA devices."
            ),
            node=name,
            ports=list(nodes[name]["rdma"]),
            **({"warning": log.warnings[0]} if log.warnings else {}),
        )


def _notes(logs: Mapping[str, NcclLog], transport: str) -> list[Message]:
    notes = []
    versions = list(dict.fromkeys(log.version for log in logs.values() if log.version))
    if versions:
        notes.append(Message("nccl-version", N_("NCCL {versions}"), versions=versions))
    without = [name for name, log in logs.items() if log.over_rdma and not log.gpudirect]
    if transport == "rdma" and without:
        text = N_(
            "No GPUDirect RDMA on {nodes}: data is copied through host memory. Load nvidia-peermem, or use a kernel"
            " and driver with DMA-BUF."
        )
        notes.append(Message("no-gpudirect", text, nodes=without))
    return notes


def gbps(value: float) -> str:
    """Return a bandwidth with three significant digits."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
