"""What the proof of the network measured, as rows."""

from collections.abc import Mapping
from typing import Any

from inferfleet.cli.row import Row
from inferfleet.messages import Message


def fabric_rows(report: Any) -> list[Row]:
    """Return the rows of a run's report; none where it is something else."""
    rows = report.get("rows") if isinstance(report, Mapping) else None
    return [
        Row(_text(row.get("label")), _text(row.get("text")))
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, Mapping)
    ]


def _text(value: Any) -> str:
    return str(Message.from_dict(value)) if isinstance(value, Mapping) else str(value or "")
