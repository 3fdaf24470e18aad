"""Members and leaders of different versions, as during an update: what they send each other."""

from inferfleet_supervisor.model import EXITED, Container, Order, Report, only_known

HEALTHY = Report("n1", "b", 3, 2, {"engine": Container("running", "c1", "s", ready=True)})
# What a leader accepts that knows neither `down` nor `ranks_missing`.
EARLIER = {"node", "boot", "generation", "stage", "containers", "ranks_lost", "stopped"}
EARLIER_CONTAINER = {"state", "id", "started", "exit_code", "oom", "ready"}


def test_earlier_leader_accepts_the_report_of_a_healthy_member():
    data = HEALTHY.data()
    assert set(data) == EARLIER
    assert set(data["containers"]["engine"]) == EARLIER_CONTAINER
    assert Report.of(data) == HEALTHY


def test_fault_is_reported_completely():
    failed = Report("n1", containers={"engine": Container(EXITED, exit_code=1, down=4.5)}, ranks_missing=7.0)
    assert Report.of(failed.data()) == failed


def test_report_and_order_of_a_later_version_are_accepted():
    later = HEALTHY.data() | {"load": 1}
    later["containers"] = {"engine": {**later["containers"]["engine"], "memory": 2}}
    assert Report.of(later) == HEALTHY
    assert Order(**only_known(Order, {"generation": 3, "phase": "serving", "quota": 1})) == Order(3, "serving")
