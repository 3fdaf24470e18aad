"""Measure the duration of a deployment: cold, warm and as a check run, and by task.

    python -m tests.bench.converge                 # 2, 4 and 8 nodes without the engine
    python -m tests.bench.converge --nodes 2 --engine --warm-only

A warm run is also given as a multiple of `ansible all -m ping` on the same nodes, measured just before and after it:
that ratio holds on a slow or busy machine too. Nodes are recreated for each cold run. All runs of one table are made
one after the other on the same machine; nothing else should be running there.
"""

import argparse
import os
import subprocess
import sys
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from statistics import fmean
from time import monotonic

from lab.config import DEFAULT_POOL
from rich.console import Console
from rich.table import Table

from inferfleet.runner.command import Request
from inferfleet.runner.events import Event, Fold
from inferfleet.runner.outcome import Outcome, outcome
from inferfleet.runner.run import run

ROOT = Path(__file__).resolve().parents[2]
ENGINE_TAGS = "ray_cluster,inference_engine,open_webui,verify"
TASKS_SHOWN = 12


class Measurement:
    """One run of site.yml: its wall time, what it changed, and the wall time of each task."""

    def __init__(self, inventory: Path, *, engine: bool, check: bool = False) -> None:
        self.tasks: dict[str, float] = defaultdict(float)
        self._began: tuple[str, float] | None = None
        fold = Fold()
        request = Request(
            root=ROOT,
            playbook="site.yml",
            inventory=str(inventory),
            skip_tags=None if engine else ENGINE_TAGS,
            check=check,
        )
        result = run(request, fold, self._on_event, lambda: None)
        if outcome(result) is not Outcome.OK:
            raise SystemExit(f"the run failed; see {result.log}")
        self.seconds = result.seconds
        self.changed = len(result.changed_tasks)

    def _on_event(self, event: Event) -> None:
        """A task lasts until the next one (or the end) begins."""
        kind, data = event.get("event"), event.get("event_data") or {}
        if kind not in ("playbook_on_task_start", "playbook_on_handler_task_start", "playbook_on_stats"):
            return
        now = datetime.fromisoformat(event["created"]).timestamp()
        if self._began:
            self.tasks[self._began[0]] += now - self._began[1]
        name = str(data.get("name", ""))
        self._began = (name if " : " in name else f"{data.get('role', '')} : {name}", now)


def lab(*arguments: str, nodes: int) -> None:
    """Run a command of the test cluster."""
    env = {**os.environ, "LAB_NODES": str(nodes)}
    subprocess.run([sys.executable, "-m", "lab", *arguments], cwd=ROOT, env=env, check=True, stdout=sys.stderr)


def ping(path: Path) -> float:
    """Return the seconds that `ansible all -m ping` takes on the nodes of an inventory."""
    began = monotonic()
    argv = ["ansible", "all", "-i", str(path), "-m", "ansible.builtin.ping"]
    subprocess.run(argv, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return monotonic() - began


def inventory(nodes: int) -> Path:
    """Return the inventory of the test cluster with so many nodes."""
    name = ROOT / "inventories" / "lab"
    return name if nodes == 2 else ROOT / ".lab" / "inventories" / f"lab{nodes}"


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--engine", action="store_true", help="only 2 nodes can: start Ray, the engine and Open WebUI")
    parser.add_argument("--warm-only", action="store_true", help="leave the nodes as they are, measure warm and check")
    options = parser.parse_args()
    console = Console(width=120)
    table = Table(title="site.yml, seconds (tasks that changed something)")
    for column in ("nodes", "engine", "cold", "warm", "check", "ping", "warm / ping"):
        table.add_column(column, justify="right")
    slowest: dict[str, float] = {}
    for nodes in options.nodes:
        engine = options.engine and nodes == 2
        cold = "-"
        if not options.warm_only:
            lab("down", "--pool", DEFAULT_POOL, nodes=nodes)  # only the nodes: images and weights are kept
            lab("up", nodes=nodes)
            measured = Measurement(inventory(nodes), engine=engine)
            cold = f"{measured.seconds:.0f} ({measured.changed})"
        pings = [ping(inventory(nodes))]
        warm = Measurement(inventory(nodes), engine=engine)
        pings.append(ping(inventory(nodes)))
        check = Measurement(inventory(nodes), engine=engine, check=True)
        slowest = slowest or warm.tasks
        table.add_row(
            str(nodes),
            "on" if engine else "off",
            cold,
            f"{warm.seconds:.1f} ({warm.changed})",
            f"{check.seconds:.1f} ({check.changed})",
            f"{fmean(pings):.1f}",
            f"{warm.seconds / fmean(pings):.1f}",
        )
    console.print(table)
    tasks = Table(title=f"where a warm run of {options.nodes[0]} nodes spends its time")
    tasks.add_column("task")
    tasks.add_column("seconds", justify="right")
    ranked = sorted(slowest.items(), key=lambda item: -item[1])
    for name, seconds in ranked[:TASKS_SHOWN]:
        tasks.add_row(name, f"{seconds:.2f}")
    tasks.add_row("the other tasks", f"{sum(s for _, s in ranked[TASKS_SHOWN:]):.2f}")
    console.print(tasks)


if __name__ == "__main__":
    main()
