"""The benchmark: what to measure, what the engine's own tool measured, and how two runs compare."""

from inferfleet.bench.compare import Comparison, compare
from inferfleet.bench.measure import ResultError, read_measurement, refusal_of
from inferfleet.bench.presets import Preset, load_presets
from inferfleet.bench.run import FILE, Latency, Measurement, Run, Sweep
from inferfleet.bench.sweep import Asked, plan_sweep

__all__ = [
    "FILE",
    "Asked",
    "Comparison",
    "Latency",
    "Measurement",
    "Preset",
    "ResultError",
    "Run",
    "Sweep",
    "compare",
    "load_presets",
    "plan_sweep",
    "read_measurement",
    "refusal_of",
]
