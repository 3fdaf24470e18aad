"""Measure how fast a replica of the deployed test cluster recovers from faults, next to its cold start.

    python -m tests.bench.recovery                       # every fault that a replica of this deployment can have
    python -m tests.bench.recovery worker_rank_killed head_power_cycled
    python -m tests.bench.recovery --json recovery.json
    python -m tests.bench.recovery --cold 31 gcs_killed    # with a cold start that was measured before

detection: seconds until the supervisor restarts the replica. recovery: until all requests are answered again; for a
fault that lasts, from its end. x cold start: recovery without detection, as a multiple of the time from `start` to the
first answer of a stopped replica, in the same run (mean of a start before and one after the faults). failed: streaming
requests, of this replica and of the others.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from statistics import fmean

from rich.console import Console
from rich.table import Table
from tests.faults.catalog import possible
from tests.faults.cluster import SUPERVISOR, Replica, on_node, replicas
from tests.faults.experiment import NotRecoveredError, perform, serves, wait_until
from tests.faults.measure import Measurement, problems
from tests.faults.streams import StreamLoad


def cold_start(replica: Replica) -> float:
    """Stop the replica, start it, and return the seconds until it answers."""
    on_node(replica.leader, f"{SUPERVISOR} stop")
    wait_until(lambda: replica.status().get("state") == "stopped", "the replica stops")
    with StreamLoad(replica, clients=0) as load:
        begin = time.time()
        on_node(replica.leader, f"{SUPERVISOR} start")
        wait_until(lambda: any(probe.ok for probe in load.probes) and serves(replica), "the replica starts")
        return next(probe.end for probe in load.probes if probe.ok) - begin


def row(measured: Measurement, failed: list[str], cold: float) -> list[str]:
    """Return the cells of a measurement."""
    found = "-" if measured.detection is None else f"{measured.detection:.1f}"
    reasons = ", ".join(measured.reasons) or "-"
    cells = [measured.fault, found, f"{measured.recovery:.1f}", f"{measured.bound / cold:.2f}", reasons]
    return [*cells, str(measured.failed), str(measured.failed_elsewhere), "; ".join(failed) or "ok"]


def main() -> int:
    """Measure and print; returns the exit code, 1 if a fault had other effects than the catalog requires."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faults", nargs="*", help="names in tests/faults/catalog.yml")
    parser.add_argument("--json", type=Path, help="file for the measurements")
    parser.add_argument("--cold", type=float, help="seconds of a cold start, instead of measuring it")
    given = parser.parse_args()
    *others, replica = replicas()
    chosen = [f for f in possible(replica.executor, len(replica.addresses)) if f.name in (given.faults or [f.name])]
    if unknown := set(given.faults) - {fault.name for fault in chosen}:
        parser.error(f"{replica.name} cannot have {', '.join(sorted(unknown))}")
    wait_until(lambda: serves(replica), "the replica serves")
    colds = [given.cold or cold_start(replica)]
    results, broken = [], []
    for fault in chosen:
        try:
            measured = perform(fault, replica, others)
            results.append((measured, problems(fault, measured)))
            print(f"{fault.name}: {measured.recovery:.1f} s", file=sys.stderr, flush=True)
        except (NotRecoveredError, RuntimeError, ValueError) as error:
            broken.append(f"{fault.name}: {error}")
            print(broken[-1], file=sys.stderr, flush=True)
    if not given.cold and not broken:
        colds.append(cold_start(replica))
    title = f"{replica.name}: {len(replica.addresses)} nodes, executor {replica.executor}, {1 + len(others)} replicas; "
    table = Table(title=f"{title}cold start {', '.join(f'{cold:.1f}' for cold in colds)} s")
    for name in ("fault", "detection", "recovery", "x cold start", "reasons", "failed", "of others", "result"):
        table.add_column(name, justify="right" if name in ("detection", "recovery", "x cold start") else "left")
    for measured, failed in results:
        table.add_row(*row(measured, failed, fmean(colds)))
    Console(width=160).print(table)
    print("\n".join(broken))
    if given.json:
        faults = [
            {**asdict(measured), "multiple": round(measured.bound / fmean(colds), 2), "problems": failed}
            for measured, failed in results
        ]
        given.json.write_text(json.dumps({"cold_starts": colds, "faults": faults}, indent=1) + "\n")
    return 1 if broken or any(failed for _, failed in results) else 0


if __name__ == "__main__":
    sys.exit(main())
