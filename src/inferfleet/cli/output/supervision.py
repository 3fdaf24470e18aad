"""Rows about supervised replicas and their events."""

from collections.abc import Mapping
from typing import Any

from inferfleet.cli.output.row import Row
from inferfleet.cli.output.sections import mappings
from inferfleet.cli.output.text import shown, tr
from inferfleet.messages import N_


def replica_blocks(result: Mapping[str, Any], succeeded: bool) -> list[list[Row]]:
    """Return a row for each replica that was commanded, or is there."""
    return [[Row(str(row["replica"]), shown(row["text"])) for row in mappings(result.get("supervision"))]]


def event_blocks(result: Mapping[str, Any], succeeded: bool) -> list[list[Row]]:
    """Return a row for each event, the oldest first."""
    rows = [_event_row(event) for event in mappings(result.get("events"))]
    return [rows or [Row("", tr(N_("No events.")))]] if succeeded else [rows]


def _event_row(event: Mapping[str, Any]) -> Row:
    text = N_("{replica}, generation {generation}, {node}: {event}")
    values = {key: event.get(key, "") for key in ("replica", "generation", "node")}
    time = str(event.get("time", "")).partition(".")[0].removesuffix("Z").replace("T", " ")
    return Row(tr(N_("{time} UTC"), time=time), tr(text, event=shown(event["text"]), **values))
