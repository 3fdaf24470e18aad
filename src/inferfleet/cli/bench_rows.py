"""What the benchmark measured, as rows."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from inferfleet.bench.run import Measurement
from inferfleet.bench.table import HEAD, LABEL, row
from inferfleet.cli.row import Row

_MEASUREMENTS = TypeAdapter(tuple[Measurement, ...])


def bench_rows(report: Any) -> list[Row]:
    """Return the table of a run's report, and where it is kept; none where it is something else."""
    if not isinstance(report, Mapping):
        return []
    measurements = _MEASUREMENTS.validate_python(report.get("measurements") or ())
    rows = [Row(LABEL, HEAD), *(Row(f"{m.concurrency:>{len(LABEL)}}", row(m)) for m in measurements)]
    return [*rows, Row("kept in", str(report.get("folder")))]
