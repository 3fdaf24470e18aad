"""From what the ranks measured to who is slow: the verdict on the network between the nodes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from inferfleet.fabric.bandwidth import all_reduce_gbps, send_gbps, upper_median
from inferfleet.fabric.nccl_log import NcclLog, read_nccl_log

_SHOWN = 6  # slow pairs, before the rest is only counted
_OF_LINK, _OF_MEDIAN = "the link's rate", "the median of all pairs"


@dataclass(frozen=True)
class Limits:
    """Below which share (0 to 1) of what it is compared with a bandwidth counts as too low."""

    rdma_share: float = 0.7
    tcp_share: float = 0.3
    median_share: float = 0.5


@dataclass(frozen=True)
class Pair:
    """One direction between two nodes. Bandwidths are in Gbit/s, 0 where not known; `lanes` are the local ranks'."""

    sender: str
    receiver: str
    gbps: float
    link_gbps: float
    latency_ms: float
    lanes: tuple[float, ...] = ()


@dataclass(frozen=True)
class Slow:
    """A pair that is too slow, and what it was compared with."""

    pair: Pair
    expected: float
    of: str
    share: float

    @property
    def measured(self) -> str:
        """The comparison in words."""
        percent = 100 * self.pair.gbps / self.expected
        return (
            f"{gbps(self.pair.gbps)} Gbit/s, {percent:.0f} % of {self.of} ({gbps(self.expected)} Gbit/s;"
            f" at least {100 * self.share:.0f} % is wanted)"
        )


@dataclass(frozen=True)
class Report:
    """What was measured and found; `problems` is empty when the network is as it should be."""

    transport: str
    backend: str
    ranks: int
    pairs: list[Pair]
    all_reduce: list[dict[str, float]]
    """Each size with `bytes`, `seconds` and `bus_gbps` (Gbit/s)."""
    median_gbps: float
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    connections: int = 0
    """How many connections were made before, to try every port from every node; 0 where that was not done."""

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form, with the rows that people are shown."""
        form = asdict(self)
        form["pairs"] = [
            {
                "from": p.sender,
                "to": p.receiver,
                **{k: v for k, v in asdict(p).items() if k not in ("sender", "receiver")},
            }
            for p in self.pairs
        ]
        return {**form, "ok": not self.problems, "rows": self.rows()}

    def rows(self) -> list[dict[str, str]]:
        """Return label and text of each line of the summary."""
        over = {"rdma": "RDMA", "tcp": "TCP"}.get(self.transport, self.backend)
        last = self.all_reduce[-1] if self.all_reduce else None
        rows = []
        if self.connections:
            text = f"every one reached from every node, in {self.connections} connections"
            rows.append({"label": "ports", "text": text})
        if last:
            size = f"{last['bytes'] / 2**20:g} MiB over {self.ranks} ranks"
            rows.append(
                {"label": "all-reduce", "text": f"{gbps(last['bus_gbps'])} Gbit/s bus bandwidth, {size}, {over}"}
            )
        shown = sorted(self.pairs, key=lambda pair: pair.gbps)
        for pair in shown if len(shown) <= 12 else shown[:6]:
            of = f" of {gbps(pair.link_gbps)}" if pair.link_gbps else ""
            text = f"{gbps(pair.gbps)}{of} Gbit/s, {pair.latency_ms:.2f} ms"
            rows.append({"label": f"{pair.sender} → {pair.receiver}", "text": text})
        if len(shown) > 12:
            rows.append(
                {"label": "", "text": f"and {len(shown) - 6} faster pairs, up to {gbps(shown[-1].gbps)} Gbit/s"}
            )
        return rows + [{"label": "note", "text": note} for note in self.notes]


def judge(
    result: Mapping[str, Any],
    nodes: Mapping[str, Mapping[str, Any]],
    transport: str,
    limits: Limits,
    connections: int = 0,
) -> Report:
    """Return the verdict on what the ranks measured.

    `result` is what the script fabric_proof.py wrote; `nodes` maps each node to its part of the plan (`rdma`,
    `link_gbps`); `transport` is the plan's; `connections` is what trying the ports took.
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
    problems = [*_fallback(logs, nodes, transport), *_blame(slow, pairs)]
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
        return Slow(pair, pair.link_gbps, _OF_LINK, share)
    if median and pair.gbps < median_share * median:
        return Slow(pair, median, _OF_MEDIAN, median_share)
    return None


def _blame(slow: Sequence[Slow], pairs: Sequence[Pair]) -> Iterator[str]:
    """Yield a line for each node whose pairs are all slow in one direction, and for each slow pair that is left."""
    if len(slow) == len(pairs) > 2:
        worst = min(slow, key=lambda s: s.pair.gbps)
        yield (
            f"Every pair of nodes gets too little; from {worst.pair.sender} to {worst.pair.receiver} {worst.measured}."
            " Look at what all share: MTU, switches, GPUDirect, and NCCL's settings in `inferfleet plan --json`."
        )
        return
    left, names = list(slow), dict.fromkeys(pair.sender for pair in pairs)
    for role, other in (("sender", "receiver"), ("receiver", "sender")) if len(names) > 2 else ():
        verb = "sends to" if role == "sender" else "receives from"
        for name in names:
            mine = [s for s in slow if getattr(s.pair, role) == name]
            rest = [s for s in slow if getattr(s.pair, role) != name]
            if len(mine) == len(names) - 1 and len(rest) < len(pairs) - len(mine):
                worst = min(mine, key=lambda s: s.pair.gbps)
                yield (
                    f"Node {name} {verb} every other node too slowly: {worst.measured} with"
                    f" {getattr(worst.pair, other)}. Look at its own cable, port and adapter."
                )
                left = [s for s in left if s not in mine]
    left.sort(key=lambda s: s.pair.gbps)
    for s in left[:_SHOWN]:
        yield (
            f"From {s.pair.sender} to {s.pair.receiver} there is too little: {s.measured}. Look at the cable and the"
            " switch's port of both, and at errors in `ip -s link` or `rdma statistic`."
        )
    if len(left) > _SHOWN:
        yield f"So do {len(left) - _SHOWN} more pairs, all of them in `inferfleet fabric --json`."


def _lanes(pairs: Sequence[Pair], median_share: float) -> Iterator[str]:
    """Yield the local ranks that are far slower than the others: one adapter of several."""
    median = upper_median([lane for pair in pairs for lane in pair.lanes])
    for pair in pairs:
        for number, lane in enumerate(pair.lanes):
            if len(pair.lanes) > 1 and lane < median_share * median:
                yield (
                    f"From {pair.sender} to {pair.receiver}, local rank {number} gets {gbps(lane)} Gbit/s, the median"
                    f" of all ranks is {gbps(median)}. Look at the adapter beside accelerator {number} on both."
                )


def _all_reduce(
    reduced: Sequence[Mapping[str, float]], nodes: Mapping[str, Mapping[str, Any]], share: float
) -> Iterator[str]:
    link = min((float(node.get("link_gbps") or 0) for node in nodes.values()), default=0.0)
    if reduced and link and reduced[-1]["bus_gbps"] < share * link:
        found = reduced[-1]["bus_gbps"]
        yield (
            f"The all-reduce over all nodes reaches {gbps(found)} Gbit/s, {100 * found / link:.0f} % of the slowest"
            f" node's rate ({gbps(link)} Gbit/s; at least {100 * share:.0f} % is wanted), although each pair alone is"
            " fast enough. Look at the switches between the nodes: they may be oversubscribed, or drop packets (PFC"
            " and ECN on Ethernet)."
        )


def _fallback(logs: Mapping[str, NcclLog], nodes: Mapping[str, Mapping[str, Any]], transport: str) -> Iterator[str]:
    for name, log in logs.items():
        if transport == "rdma" and log.fell_back:
            why = f" It says: {log.warnings[0]}." if log.warnings else ""
            yield (
                f"RDMA was planned on {name} ({', '.join(nodes[name]['rdma'])}), but NCCL talks over sockets"
                f" there.{why} Check that `ibv_devices` in the engine's container lists them and that their ports are"
                " active; `inferfleet check` shows what the node reports."
            )


def _notes(logs: Mapping[str, NcclLog], transport: str) -> list[str]:
    notes = []
    versions = dict.fromkeys(log.version for log in logs.values() if log.version)
    if versions:
        notes.append(f"NCCL {', '.join(versions)}")
    plain = [name for name, log in logs.items() if log.over_rdma and not log.gpudirect]
    if transport == "rdma" and plain:
        notes.append(
            f"No GPUDirect on {', '.join(plain)}: data goes through the processor's memory. Load nvidia-peermem, or use"
            " a kernel and driver with DMA-BUF."
        )
    return notes


def gbps(value: float) -> str:
    """Return a bandwidth with three digits that count."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
