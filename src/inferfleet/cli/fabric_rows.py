"""What the proof of the network measured, as rows."""

from collections.abc import Mapping
from typing import Any

from inferfleet.cli.row import Row


def fabric_rows(report: Any) -> list[Row]:
    """Return the rows of a run's report; none where it is something else."""
    rows = report.get("rows") if isinstance(report, Mapping) else None
    return [
        Row(str(row.get("label") or ""), str(row.get("text") or ""))
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, Mapping)
    ]
