"""Inject a fault into a replica under load, wait until it serves again, and measure."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from tests.faults.catalog import Fault
from tests.faults.cluster import SUPERVISOR, Replica, on_node
from tests.faults.measure import Measurement, detection, recovery
from tests.faults.streams import StreamLoad

WARM_UP_SECONDS = 4  # of the load, before the fault
NOTICED_SECONDS = 20  # until the supervisor has noticed an exit, with reserve
LIMIT_SECONDS = 480  # until a replica serves again: detection of a hang, back-off and loading, with reserve
FINAL_SECONDS = 4  # all answers are complete before the end


class NotRecoveredError(Exception):
    """The replica does not do what it should within the limit."""


def wait_until(check: Callable[[], bool], what: str, limit: float = LIMIT_SECONDS) -> float:
    """Wait until `check` holds; returns the seconds, and raises NotRecoveredError after `limit` seconds."""
    begin = time.monotonic()
    while not check():
        if time.monotonic() - begin > limit:
            raise NotRecoveredError(f"{what}: not within {limit:.0f} s")
        time.sleep(1)
    return time.monotonic() - begin


def serves(replica: Replica) -> bool:
    """Return whether the leader reports that the replica serves."""
    return replica.status().get("state") == "serving"


def answers(load: StreamLoad, since: float) -> bool:
    """Return whether the last probes were answered, for some seconds."""
    last = [probe for probe in load.probes if probe.end >= max(since, time.time() - FINAL_SECONDS)]
    return len(last) > 1 and all(probe.ok for probe in last)


def generation(replica: Replica) -> int:
    """Return the generation that the leader reports; -1: it does not answer."""
    return int(replica.status().get("generation", -1))


def perform(fault: Fault, replica: Replica, others: Sequence[Replica] = ()) -> Measurement:
    """Inject one fault under load and wait until the replica serves again.

    Raises NotRecoveredError if it does not, and RuntimeError if the fault cannot be injected.
    """
    on_node(replica.leader, f"{SUPERVISOR} start")  # forgets earlier restarts, whose back-off would add to the recovery
    before = generation(replica)
    with ExitStack() as stack:
        load = stack.enter_context(StreamLoad(replica))
        elsewhere = [stack.enter_context(StreamLoad(other, probing=False)) for other in others]
        wait_until(lambda: answers(load, 0), "the replica answers before the fault", 60)
        time.sleep(WARM_UP_SECONDS)
        injected = time.time()
        for command in fault.inject:
            replica.run(command)
        since = _end(fault, replica, injected)
        if fault.restarts[0]:
            wait_until(lambda: generation(replica) > before, f"{fault.name} is noticed")
        else:
            time.sleep(NOTICED_SECONDS)
        wait_until(lambda: serves(replica) and answers(load, since), f"the replica serves after {fault.name}")
        events = replica.events(injected)
        restarts = [event for event in events if event.code == "restart" and event.node == replica.leader]
        return Measurement(
            fault=fault.name,
            executor=replica.executor,
            replicas=1 + len(others),
            detection=detection(events, injected),
            recovery=recovery(load.probes, since),
            restarts=len(restarts),
            reasons=tuple(event.reason for event in restarts),
            failed=len(load.failed(injected)),
            failed_elsewhere=sum(len(other.failed(injected)) for other in elsewhere),
        )


def _end(fault: Fault, replica: Replica, injected: float) -> float:
    """Wait until the fault ends, undo it, and return since when the replica can recover."""
    if not fault.undo:
        return injected
    try:
        if fault.shows:
            state = fault.shows.state
            wait_until(lambda: replica.status().get("state") == state, f"{fault.name} leads to {state}")
            time.sleep(fault.shows.seconds)
            if (now := replica.status().get("state")) != state:
                raise NotRecoveredError(f"{fault.name}: the replica is {now} instead of {state}")
        time.sleep(fault.lasts)
    finally:
        ended = time.time()
        for command in fault.undo:
            replica.run(command)
    return ended
