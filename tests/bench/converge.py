"""Measure the duration of a deployment: cold, warm and as a check run, and by task.

    python -m tests.bench.converge                 # 2, 8 and 32 simulated nodes (light_nodes.py) without the engine
    python -m tests.bench.converge --lab --engine  # the test cluster as it is, with the engine

A warm run is also given as a multiple of `ansible all -m ping` on the same nodes, measured just before and after it:
that ratio holds on a slow or busy machine too. "Controller" is the processor time of Ansible's own processes, which
grows with the nodes of a real cluster too; "node" is that of one simulated node, all of which share this machine's
processors with Ansible. If a number of nodes fails, the table has those before it.
All runs of one table are made one after the other; nothing else should be running on the machine.
"""

import argparse
import resource
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import fmean
from time import monotonic

import docker
from rich.console import Console
from rich.table import Table
from tests.bench import light_nodes

from inferfleet.runner.command import Request
from inferfleet.runner.events import Event, Fold
from inferfleet.runner.extra_vars import ExtraVars
from inferfleet.runner.outcome import Outcome, outcome
from inferfleet.runner.run import run

ROOT = Path(__file__).resolve().parents[2]
ENGINE_TAGS = "ray_cluster,inference_engine,gateway,open_webui,verify"
TASKS_SHOWN = 12


class Measurement:
    """One run of site.yml: its wall time, what it changed, and the wall time of each task."""

    def __init__(self, inventory: Path, *, engine: bool, check: bool = False, complete: bool = False) -> None:
        self.tasks: dict[str, float] = defaultdict(float)
        self._began: tuple[str, float] | None = None
        fold = Fold()
        request = Request(
            root=ROOT,
            playbook="site.yml",
            inventory=str(inventory),
            skip_tags=None if engine else ENGINE_TAGS,
            check=check,
            extra_vars=[ExtraVars(values={"complete_run": True})] if complete else [],
        )
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        result = run(request, fold, self._on_event, lambda: None)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if outcome(result) is not Outcome.OK:
            raise SystemExit(f"the run failed; see {result.log}")
        self.seconds = result.seconds
        self.processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.changed = len(result.changed_tasks)
        self.started = result.tasks_run
        self.log = result.log

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


def ping(path: Path) -> float:
    """Return the seconds that `ansible all -m ping` takes on the nodes of an inventory."""
    began = monotonic()
    argv = ["ansible", "all", "-i", str(path), "-m", "ansible.builtin.ping"]
    subprocess.run(argv, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return monotonic() - began


@dataclass(frozen=True)
class Row:
    """The runs on one number of nodes: the first one (None if it was not measured), a complete one that changes nothing
    and is recorded, a warm one after it with the processor time of a simulated node, a check run, pings."""

    nodes: int
    first: Measurement | None
    complete: Measurement
    warm: Measurement
    node: float | None
    check: Measurement
    ping: float


def measure(nodes: int, inventory: Path, *, engine: bool, client: docker.DockerClient | None = None) -> Row:
    """Measure the runs on so many nodes; simulated ones with their `client`, on which the playbook has not run yet."""
    began = Measurement(inventory, engine=engine) if client else None
    complete = Measurement(inventory, engine=engine, complete=True)
    pings = [ping(inventory)]
    used = light_nodes.processor_seconds(client) if client else 0.0
    warm = Measurement(inventory, engine=engine)
    node = (light_nodes.processor_seconds(client) - used) / nodes if client else None
    if warm.started > complete.started / 2:
        raise SystemExit(f"The warm run was complete too; {warm.log} shows why.")
    pings.append(ping(inventory))
    check = Measurement(inventory, engine=engine, check=True)
    return Row(nodes, began, complete, warm, node, check, fmean(pings))


def measure_simulated(counts: list[int]) -> Iterator[Row]:
    """Measure on simulated nodes, which are removed at the end."""
    client = docker.from_env(timeout=600)
    light_nodes.remove(client)
    light_nodes.network(client)
    hub = light_nodes.Hub()
    try:
        image = light_nodes.prepared_image(client) or _prepare(client)
        with light_nodes.inotify_instances(max(counts)):
            for count in counts:
                nodes = [light_nodes.Node(index) for index in range(1, count + 1)]
                for container in [light_nodes.start(client, node, image) for node in nodes]:
                    light_nodes.wait(container)
                yield measure(count, light_nodes.inventory(count), engine=False, client=client)
    finally:
        hub.stop()
        light_nodes.remove(client)


def _prepare(client: docker.DockerClient) -> str:
    """Prepare one node with site.yml and return its image."""
    node = light_nodes.Node(1)
    light_nodes.wait(light_nodes.start(client, node, light_nodes.bare_image(client)))
    Measurement(light_nodes.inventory(1), engine=False)
    return light_nodes.keep(client, node)


def print_rows(console: Console, rows: list[Row]) -> None:
    """Print the table of all runs, each also as a multiple of the row above it, and the tasks of the last row."""
    table = Table(title="site.yml, seconds (tasks that changed something)")
    columns = (
        "nodes",
        "first",
        "complete",
        "warm",
        "× row above",
        "controller",
        "node",
        "check",
        "ping",
        "warm / ping",
    )
    for column in columns:
        table.add_column(column, justify="right")
    for row, above in zip(rows, [None, *rows], strict=False):
        table.add_row(
            str(row.nodes),
            f"{row.first.seconds:.0f} ({row.first.changed})" if row.first else "-",
            f"{row.complete.seconds:.1f} ({row.complete.changed})",
            f"{row.warm.seconds:.1f} ({row.warm.changed})",
            f"{row.warm.seconds / above.warm.seconds:.2f}" if above else "-",
            f"{row.warm.processor:.1f}",
            f"{row.node:.2f}" if row.node is not None else "-",
            f"{row.check.seconds:.1f} ({row.check.changed})",
            f"{row.ping:.1f}",
            f"{row.warm.seconds / row.ping:.1f}",
        )
    console.print(table)
    tasks = Table(title="where the warm runs spend their time")
    tasks.add_column("task")
    for row in rows:
        tasks.add_column(f"{row.nodes} nodes, s", justify="right")
    ranked = [name for name, _ in sorted(rows[-1].warm.tasks.items(), key=lambda item: -item[1])]
    for name in ranked[:TASKS_SHOWN]:
        tasks.add_row(name, *(f"{row.warm.tasks.get(name, 0):.2f}" for row in rows))
    rest = ranked[TASKS_SHOWN:]
    tasks.add_row("the other tasks", *(f"{sum(row.warm.tasks.get(name, 0) for name in rest):.2f}" for row in rows))
    console.print(tasks)


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, nargs="+", default=[2, 8, 32], help="numbers of simulated nodes")
    parser.add_argument("--lab", action="store_true", help="measure the 2 nodes of the test cluster as they are")
    parser.add_argument("--engine", action="store_true", help="with --lab: Ray, the engine and Open WebUI too")
    options = parser.parse_args()
    console = Console(width=120)
    if options.lab:
        print_rows(console, [measure(2, ROOT / "inventories/lab", engine=options.engine)])
        return
    rows: list[Row] = []
    try:
        for row in measure_simulated(options.nodes):
            rows.append(row)  # a later number of nodes may fail
    finally:
        if rows:
            print_rows(console, rows)


if __name__ == "__main__":
    main()
