"""Start a run, or resume an interrupted one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from inferfleet import __version__
from inferfleet.bench.compare import changed_settings
from inferfleet.bench.files import RunError, load, unfinished
from inferfleet.bench.run import Run
from inferfleet.bench.sweep import SweepSettings, plan_sweep, repeat_sweep
from inferfleet.messages import N_, Problem
from inferfleet.planner.plan import plan_name
from inferfleet.results import folder_for
from inferfleet.runner.extra_vars import MASK, is_secret

_PLAN_LEFT_OUT = ("reasons", "problems", "alternatives")
_NODE_FACTS = ("distribution", "architecture", "cpu_count", "memory_bytes")
_ACCELERATOR_FACTS = ("vendor", "driver_version", "cuda_version", "compute_capability", "kernel")


@dataclass(frozen=True, slots=True)
class Session:
    """A run to measure, its folder, problems and warnings; `run` is None if there are problems."""

    run: Run | None
    folder: Path
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


def begin(
    settings: SweepSettings,
    plan: Mapping[str, Any],
    *,
    name: str,
    results: Path,
    bench_image: str,
    nodes: Mapping[str, Mapping[str, Any]],
    now: datetime,
    baseline: Run | None = None,
) -> Session:
    """Return a new run below `results`; `nodes` holds `ansible_facts` by node, `now` is in UTC.

    With a `baseline`, its workload is repeated, and `settings` have no effect.
    """
    seed = int(now.timestamp())
    planned = repeat_sweep(baseline.sweep, plan, seed) if baseline else plan_sweep(settings, plan, seed)
    folder = folder_for(results, now)
    if planned.sweep is None:
        return Session(None, folder, planned.problems)
    versions = {
        "inferfleet": __version__,
        "engine": str(plan["engine"]),
        "engine_version": str(plan["engine_version"]),
        "image": str(plan["image"]),
        "bench_image": bench_image,
    }
    facts = {node: hardware_facts(nodes.get(node, {})) for node in plan["nodes"]}
    run = Run(
        name=name, started=iso(now), sweep=planned.sweep, plan=recorded_plan(plan), versions=versions, nodes=facts
    )
    return Session(run, folder, [], planned.warnings)


def resume(plan: Mapping[str, Any], results: Path) -> Session:
    """Return the newest run to resume; the service must be the one measured before."""
    try:
        folder = unfinished(results, plan_name(plan))
        run = load(folder)
    except RunError as error:
        return Session(None, results, [error.problem])
    if changed := changed_settings(run.plan, recorded_plan(plan)):
        message = N_("Another service was measured in {folder}: {changed}.")
        remedy = N_("Start a new run without --resume, or deploy the service that was measured then.")
        return Session(None, folder, [Problem("other-service", message, remedy, folder=str(folder), changed=changed)])
    return Session(run, folder)


def recorded_plan(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plan as recorded with a run: without texts and without values that may be secrets."""
    kept = {key: value for key, value in plan.items() if key not in _PLAN_LEFT_OUT}
    kept["nodes"] = {
        name: {**node, "env": {key: MASK if is_secret(key) else value for key, value in node.get("env", {}).items()}}
        for name, node in plan["nodes"].items()
    }
    return kept


def hardware_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a node that determine its performance."""
    node, hardware = facts.get("inferfleet_node") or {}, facts.get("inferfleet_accelerators") or {}
    short = {key: node[key] for key in _NODE_FACTS if node.get(key)}
    short |= {key: hardware[key] for key in _ACCELERATOR_FACTS if hardware.get(key)}
    names = [str(device.get("name", "")) for device in hardware.get("accelerators") or []]
    return short | {"accelerators": {name: names.count(name) for name in dict.fromkeys(names)}}


def iso(at: datetime) -> str:
    """Return a time in UTC as text, to the second."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
