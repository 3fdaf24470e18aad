"""The faults of the test cluster, and what is measured of them."""

import pytest
from tests.faults.catalog import Fault, load, possible
from tests.faults.cluster import Event
from tests.faults.measure import Measurement, detection, problems, recovery, unexplained
from tests.faults.streams import Outcome

FAULT = Fault(name="x", how="x", inject=({"head": "true"},), restarts=(1, 1), reasons=("rank-lost",))
MEASURED = Measurement("x", "ray", 1, 2.0, 42.0, 1, ("rank-lost",), failed=3, failed_elsewhere=0)


def restart(time: float, reason: str = "rank-lost") -> Event:
    return Event(time, "node1", 2, "restart", {"reason": {"code": reason, "parameters": {}}})


def test_every_fault_has_its_name_and_a_replica() -> None:
    names = [fault.name for fault in load()]
    assert len(set(names)) == len(names) > 30
    assert {fault.name for executor in ("ray", "mp") for fault in possible(executor, 2)} == set(names)


def test_commands_run_on_nodes_or_on_this_machine() -> None:
    places = {place for fault in load() for command in (*fault.inject, *fault.undo) for place in command}
    assert places == {"head", "worker", "lab"}


def test_faults_that_need_what_a_replica_lacks_are_left_out() -> None:
    one = {fault.name for fault in possible("mp", 1)}
    assert "engine_killed" in one
    assert one.isdisjoint({"head_ray_killed", "worker_rank_killed", "head_rank_killed", "network_cut"})
    assert "head_rank_killed" in {fault.name for fault in possible("ray", 1)}


def test_recovery_ends_with_the_first_answer_after_the_last_failure() -> None:
    probes = [Outcome(8, 9, True), Outcome(11, 12, False), Outcome(13, 14, True), Outcome(15, 16, False)]
    with pytest.raises(ValueError, match="no answer"):
        recovery(probes, 10)
    assert recovery([*probes, Outcome(18, 19, True), Outcome(20, 21, True)], 10) == 9
    assert recovery(probes[:1], 10) == 0


def test_detection_is_the_first_restart_after_the_injection() -> None:
    lost = Event(11, "node1", 1, "member-lost", {})
    assert detection([restart(5), lost, restart(13), restart(20)], 10) == 3
    assert detection([restart(5), lost], 10) is None


def test_reason_of_an_event() -> None:
    assert restart(1, "hang").reason == "hang"
    assert Event(1, "node1", 1, "held", {"reason": "up"}).reason == "up"
    assert Event(1, "node1", 1, "adopted", {}).reason == ""


@pytest.mark.parametrize(
    ("fault", "measured", "problem"),
    [
        (FAULT, MEASURED, None),
        (FAULT, {"restarts": 0, "reasons": ()}, "0 restarts"),
        (FAULT, {"restarts": 2}, "2 restarts"),
        (FAULT, {"reasons": ("hang",)}, "reason hang"),
        (FAULT, {"failed_elsewhere": 1}, "1 streams of other replicas"),
        (Fault(name="x", how="x", inject=(), outage=False), {"restarts": 0, "reasons": ()}, "3 streams failed"),
    ],
)
def test_problems(fault: Fault, measured: object, problem: str | None) -> None:
    values = vars(MEASURED) | (measured if isinstance(measured, dict) else {})
    found = problems(fault, Measurement(**values))
    assert [text for text in found if problem and text.startswith(problem)] == found
    assert bool(found) == bool(problem)


def test_restarts_outside_of_all_faults_are_unexplained() -> None:
    assert unexplained([restart(5), restart(15), restart(30)], [(4, 6), (10, 20)]) == [restart(30)]
