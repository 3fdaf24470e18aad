"""Format measurements as a text table, one row per concurrency, and as CSV."""

import csv
import io
from collections.abc import Sequence

from inferfleet.bench.measure import LATENCIES
from inferfleet.bench.run import Latency, Measurement

LABEL = "concurrency"
_COLUMNS = (
    ("req/s", 7),
    ("out tok/s", 10),
    ("TTFT ms", 8),
    ("p99", 8),
    ("TPOT ms", 8),
    ("E2E s", 7),
    ("failed", 6),
)
HEAD = " ".join(title.rjust(width) for title, width in _COLUMNS)
_SCALARS = (
    *("concurrency", "num_prompts", "seed", "ended", "duration", "completed", "failed"),
    *("total_input_tokens", "total_output_tokens"),
    *("request_throughput", "output_throughput", "total_token_throughput"),
)


def row(measurement: Measurement) -> str:
    """Return one row below HEAD; latencies are medians.

    The most important values in 80 columns; the files contain all of them.
    """
    cells = (
        f"{measurement.request_throughput:.2f}",
        f"{measurement.output_throughput:.1f}",
        f"{measurement.ttft_ms.median:.1f}",
        f"{measurement.ttft_ms.p99:.1f}",
        f"{measurement.tpot_ms.median:.1f}",
        f"{measurement.e2el_ms.median / 1000:.2f}",
        str(measurement.failed),
    )
    return " ".join(cell.rjust(width) for cell, (_, width) in zip(cells, _COLUMNS, strict=True))


def to_csv(measurements: Sequence[Measurement]) -> str:
    """Return a header line and a line per measurement; units as in `bench.json`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    latencies = [(name, kind) for name in LATENCIES for kind in Latency.model_fields]
    writer.writerow([*_SCALARS, *(f"{kind}_{name}_ms" for name, kind in latencies)])
    for measurement in measurements:
        values = [getattr(measurement, name) for name in _SCALARS]
        writer.writerow([*values, *(getattr(getattr(measurement, f"{name}_ms"), kind) for name, kind in latencies)])
    return text.getvalue()
