"""The state of a replica as Prometheus metrics (prometheus.io/docs/instrumenting/exposition_formats)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from inferfleet_supervisor.model import SERVING

METRICS_PATH = "/metrics"
CONTENT_TYPE = "text/plain; version=0.0.4"
_METRICS = {
    "inferfleet_replica_serving": ("gauge", "Whether the replica serves."),
    "inferfleet_replica_wanted": ("gauge", "Whether the replica is to run: nobody has stopped it or changes it now."),
    "inferfleet_replica_restarts_total": ("counter", "Restarts of the replica."),
    "inferfleet_replica_restarts_exhausted": ("gauge", "Whether restarts are delayed after many in a row."),
    "inferfleet_replica_member_present": ("gauge", "Whether the supervisor of a member reports to the leader."),
    "inferfleet_supervisor_leader_answers": ("gauge", "Whether the leader answers the supervisor of this node."),
}


def render(status: Mapping[str, Any]) -> str:
    """Return the metrics of what `inferfleet-supervisor status` shows; only the leader knows the replica's."""
    lines = []
    known: dict[str, list[str]] = {}
    for name, labels, value in _samples(status):
        known.setdefault(name, []).append(f"{name}{labels} {value}")
    for name, samples in known.items():
        kind, text = _METRICS[name]
        lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}", *samples]
    return "\n".join(lines) + "\n"


def _samples(status: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    if "members" not in status:
        yield "inferfleet_supervisor_leader_answers", "", int(status["state"] != "unknown")
        return
    held = status["held"] is not None
    yield "inferfleet_replica_serving", "", int(status["state"] == SERVING)
    yield "inferfleet_replica_wanted", "", int(status["desired"] == "running" and not held)
    yield "inferfleet_replica_restarts_total", "", int(status["restarts"])
    yield "inferfleet_replica_restarts_exhausted", "", int(status["exhausted"])
    for member in status["members"]:
        present = int(member["state"] == "present")
        yield "inferfleet_replica_member_present", f'{{member="{member["node"]}"}}', present
