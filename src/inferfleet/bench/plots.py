"""Plots of a run: throughput and latency over concurrency, as PNG and SVG."""

from pathlib import Path
from typing import TYPE_CHECKING

from inferfleet.bench.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = ("png", "svg")
_LATENCIES = {
    "ttft_ms": "Time to first token",
    "tpot_ms": "Time per output token",
    "itl_ms": "Inter-token latency",
    "e2el_ms": "End to end",
}


def draw(run: Run, folder: Path) -> list[Path]:
    """Write throughput.png, latency.png and the same as SVG into `folder`; return their paths."""
    # Imported here, since the import takes half a second and few commands need it.
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    written = []
    with rc_context({"svg.hashsalt": "inferfleet", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3}):
        throughput = Figure(figsize=(7, 4), layout="constrained")
        _draw_throughput(throughput.subplots(), run)
        latency = Figure(figsize=(7, 6), layout="constrained")
        for axes, (name, title) in zip(latency.subplots(2, 2).flat, _LATENCIES.items(), strict=True):
            _draw_latency(axes, run, name, title)
        for figure, stem in ((throughput, "throughput"), (latency, "latency")):
            figure.suptitle(_title(run), fontsize=10)
            for form in FORMATS:
                path = folder / f"{stem}.{form}"
                figure.savefig(path, dpi=144, metadata={"Date": None} if form == "svg" else None)
                written.append(path)
    return written


def _title(run: Run) -> str:
    return f"{run.model}, preset {run.sweep.preset}: {run.sweep.input_len} tokens in, {run.sweep.output_len} out"


def _draw_throughput(axes: "Axes", run: Run) -> None:
    at = [str(measurement.concurrency) for measurement in run.measurements]
    total = [measurement.total_token_throughput for measurement in run.measurements]
    output = [measurement.output_throughput for measurement in run.measurements]
    axes.plot(at, total, marker="o", label="input and output")
    axes.plot(at, output, marker="s", label="output")
    axes.set(xlabel="concurrency (requests in flight)", ylabel="tokens a second", ylim=_from_zero(total))
    axes.legend()


def _draw_latency(axes: "Axes", run: Run, name: str, title: str) -> None:
    at = [str(measurement.concurrency) for measurement in run.measurements]
    found = [getattr(measurement, name) for measurement in run.measurements]
    axes.plot(at, [latency.median for latency in found], marker="o", label="median")
    axes.plot(at, [latency.p99 for latency in found], marker="^", linestyle="--", label="p99")
    axes.set(
        title=title,
        xlabel="concurrency (requests in flight)",
        ylabel="ms",
        ylim=_from_zero([latency.p99 for latency in found]),
    )
    axes.legend()


def _from_zero(values: list[float]) -> tuple[float, float]:
    return 0.0, 1.1 * max(values) or 1.0
