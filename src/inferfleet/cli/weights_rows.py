"""The rows of a summary that tell of weights."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.filesize import decimal

from inferfleet.cli.row import Row
from inferfleet.cli.text import count, duration

_COLUMNS = ("over the WAN", "from nodes", "to nodes", "time")


def brought_rows(report: Mapping[str, Any]) -> list[Row]:
    """Return the table of what was brought, as `inferfleet.weights.weights_report` tells it."""
    cells = [_COLUMNS, *(_cells(node) for node in report["nodes"])]
    if len(report["nodes"]) > 1:
        sent = sum(node["sent_bytes"] for node in report["nodes"])
        cells.append(_cells({**report, "sent_bytes": sent}))
    widths = [max(len(row[n]) for row in cells) for n in range(len(_COLUMNS))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
    labels = ["weights", *(node["node"] for node in report["nodes"]), "all nodes"]
    rows = [Row(label, line) for label, line in zip(labels, lines, strict=False)]
    if report["times_model"] is not None:
        rows.append(Row("WAN", f"{report['times_model']:g} times the {decimal(report['model_bytes'])} of the model"))
    if report["times_floor"] is not None:
        least = f"the {duration(report['floor_seconds'])} that the {report['limited_by']} needs"
        rows.append(Row("time", f"{report['times_floor']:g} times {least}"))
    return rows + [Row("note", f"{node['node']}: {event}") for node in report["nodes"] for event in node["events"]]


def proved_rows(proofs: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return a row for each node whose files were looked at."""
    return [_proved(proof) for proof in proofs]


def model_rows(models: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return a row for each model that lies on a node, and how to remove what is left over."""
    rows = []
    for model in models:
        known = f" ({model['repository']}, {model['commit'][:12]})" if model["commit"] else ""
        rows.append(Row(model["node"], f"{model['state']}, {decimal(model['bytes'])}: {model['path']}{known}"))
    partial = [model for model in models if model["state"] == "partial"]
    if partial:
        size = decimal(sum(model["bytes"] for model in partial))
        left = f"{count(len(partial), 'download')} broken off, {size}: `inferfleet weights pull` goes on with the"
        rows.append(Row("left over", f"{left} inventory's model, `inferfleet weights remove --partial` removes them"))
    return rows or [Row("weights", "none")]


def _cells(node: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        *(decimal(node[key]) for key in ("wan_bytes", "lan_bytes", "sent_bytes")),
        duration(node["seconds"]),
    )


def _proved(proof: Mapping[str, Any]) -> Row:
    how = "compared by stamps"
    if proof["deep"]:
        rate = decimal(int(proof["bytes"] / proof["seconds"])) if proof["seconds"] else "?"
        limit = f", limited by the {proof['limited_by']}" if proof["limited_by"] else ""
        how = f"hashed at {rate}/s{limit}"
    if proof["whole"]:
        return Row(proof["node"], f"{decimal(proof['bytes'])} right, {how}", holds=True)
    wrong = ", ".join(proof["wrong"]) or "there is no complete copy"
    loaded = "an engine that runs has loaded what was wrong: `docker restart inferfleet-engine` there"
    mended = f"; brought anew, but {loaded}" if proof["mended"] else ""
    return Row(proof["node"], f"not right: {wrong} ({how}){mended}", holds=bool(proof["mended"]))
