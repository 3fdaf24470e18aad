"""Inject random faults into the deployed test cluster under load; everything must serve at the end.

    python -m tests.soak.chaos --minutes 60 --seed 7

Some faults meet a replica that has not recovered from the one before. Prints each fault with the restarts it caused,
and exits with code 1 if a replica does not serve at the end, or restarted without a fault. The seed repeats the order
of faults.
"""

import argparse
import random
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from tests.faults.catalog import Fault, possible
from tests.faults.cluster import Replica, replicas
from tests.faults.experiment import NotRecoveredError, answers, serves, wait_until
from tests.faults.measure import unexplained
from tests.faults.streams import StreamLoad

OVERLAP = 0.25  # probability that the next fault does not wait for the recovery
QUIET_SECONDS = (5, 40)  # between a recovery and the next fault
OVERLAP_SECONDS = (2, 30)
RECOVERED_SECONDS = 900  # several faults in a row, with back-off


@dataclass
class Injection:
    """One injected fault: of which replica, and from when until when its replica was affected."""

    fault: Fault
    replica: Replica
    begin: float
    end: float = float("inf")
    error: str = ""

    @property
    def seconds(self) -> float:
        """Return how long the replica was affected."""
        return self.end - self.begin


class Chaos:
    """Random faults of a deployment."""

    def __init__(self, seed: int, found: list[Replica]) -> None:
        self.random, self.replicas = random.Random(seed), found
        self.injections: list[Injection] = []

    def inject(self) -> Injection:
        """Inject a random fault into a random replica."""
        replica = self.random.choice(self.replicas)
        faults = [fault for fault in possible(replica.executor, len(replica.addresses)) if fault.chaos]
        injection = Injection(self.random.choice(faults), replica, time.time())
        self.injections.append(injection)
        try:
            for command in injection.fault.inject:
                replica.run(command)
            time.sleep(injection.fault.lasts)
        except RuntimeError as error:  # a fault before has already ended the process or the container
            injection.error = str(error).splitlines()[0]
        for command in injection.fault.undo:
            try:
                replica.run(command)
            except RuntimeError as error:
                injection.error = injection.error or str(error).splitlines()[0]
        return injection

    def recovered(self, loads: dict[str, StreamLoad]) -> None:
        """Wait until every replica serves; raises NotRecoveredError."""
        time.sleep(15)  # until a supervisor has noticed what is no hang
        since = time.time()
        for replica in self.replicas:
            wait_until(
                lambda replica=replica: serves(replica) and answers(loads[replica.name], since),
                f"{replica.name} serves",
                RECOVERED_SECONDS,
            )
        for injection in self.injections:
            injection.end = min(injection.end, time.time())


def show(chaos: Chaos, began: float) -> int:
    """Print the table; returns the number of restarts without a fault."""
    table = Table(title=f"{len(chaos.injections)} faults in {(time.time() - began) / 60:.0f} minutes")
    for name in ("second", "fault", "replica", "restarts", "affected for", "not injected"):
        table.add_column(name)
    strange = 0
    for replica in chaos.replicas:
        restarts = replica.restarts(began)
        own = [injection for injection in chaos.injections if injection.replica is replica]
        for injection in own:
            reasons = [event.reason for event in restarts if injection.begin <= event.time <= injection.end]
            cells = [f"{injection.begin - began:.0f}", injection.fault.name, replica.name, ", ".join(reasons) or "-"]
            table.add_row(*cells, f"{injection.seconds:.0f} s", escape(injection.error))
        # A fault of the node is one of its replica; a cut network and a stopped Docker are, too.
        for event in unexplained(restarts, [(item.begin, item.end) for item in own]):
            strange += 1
            table.add_row(f"{event.time - began:.0f}", "none", replica.name, event.reason, "", "UNEXPLAINED")
    Console(width=160).print(table)
    return strange


def main() -> int:
    """Run; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    chaos, began, failed = Chaos(given.seed, replicas()), time.time(), ""
    with ExitStack() as stack:
        loads = {replica.name: stack.enter_context(StreamLoad(replica)) for replica in chaos.replicas}
        try:
            while time.time() - began < given.minutes * 60:
                injection = chaos.inject()
                print(f"{injection.begin - began:6.0f} s  {injection.fault.name}  {injection.error}", flush=True)
                if chaos.random.random() < OVERLAP:
                    time.sleep(chaos.random.uniform(*OVERLAP_SECONDS))
                    continue
                chaos.recovered(loads)
                time.sleep(chaos.random.uniform(*QUIET_SECONDS))
            chaos.recovered(loads)
        except NotRecoveredError as error:
            failed = str(error)
        complete = sum(stream.ok for load in loads.values() for stream in load.streams)
    strange = show(chaos, began)
    print(f"{complete} complete streams; {strange} unexplained restarts; {failed or 'everything serves'}")
    return 1 if failed or strange else 0


if __name__ == "__main__":
    sys.exit(main())
