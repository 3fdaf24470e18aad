"""The benchmark: plan a sweep, read the results of `vllm bench serve`, compare two runs."""

from inferfleet.bench.compare import Comparison, compare
from inferfleet.bench.measure import ResultError, explain_no_result, read_measurement
from inferfleet.bench.presets import Preset, load_presets
from inferfleet.bench.run import FILE, Latency, Measurement, Run, Sweep
from inferfleet.bench.sweep import SweepSettings, plan_sweep

__all__ = [
    "FILE",
    "Comparison",
    "Latency",
    "Measurement",
    "Preset",
    "ResultError",
    "Run",
    "Sweep",
    "SweepSettings",
    "compare",
    "explain_no_result",
    "load_presets",
    "plan_sweep",
    "read_measurement",
]
