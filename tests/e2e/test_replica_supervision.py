"""One replica on each node: a fault of one never interrupts the streams of the other."""

from typing import Any

import pytest
from lab_cluster import Controller
from tests.faults.catalog import Fault, possible
from tests.faults.cluster import Replica, on_node, replicas
from tests.faults.experiment import perform, serves, wait_until
from tests.faults.measure import problems

pytestmark = pytest.mark.lab
EXECUTORS = ["ray", "mp"]
QUICK = "head_rank_killed"

CASES = [
    pytest.param(executor, fault, id=f"{executor}-{fault.name}", marks=() if quick else pytest.mark.soak)
    for executor in EXECUTORS
    for fault in possible(executor, nodes=1)
    for quick in [(executor, fault.name) == ("ray", QUICK)]
]


class Deployments:
    """Deploys two replicas with an executor when the first test needs them."""

    def __init__(self, controller: Controller) -> None:
        self._controller, self._executor = controller, ""

    def replicas(self, executor: str) -> tuple[Replica, Replica]:
        """Return the replica of node 1, which has the gateway, and that of node 2."""
        if executor != self._executor:
            up = self._controller.inferfleet("up", "-e", "replicas=2", "-e", f"executor={executor}")
            assert up.rc == 0, up
            self._executor = executor
        first, second = replicas()
        assert {first.executor, second.executor} == {executor}
        wait_until(lambda: serves(first) and serves(second), "both replicas serve")
        return first, second


@pytest.fixture(scope="module")
def deployments(deployed: dict[str, Any], controller: Controller) -> Deployments:
    on_node("node1", "docker start inferfleet-engine")  # a test before stops it
    return Deployments(controller)


@pytest.mark.parametrize(("executor", "fault"), CASES)
def test_other_replica_is_not_interrupted(deployments: Deployments, executor: str, fault: Fault) -> None:
    first, second = deployments.replicas(executor)
    measured = perform(fault, second, [first])
    print(measured)
    assert problems(fault, measured) == [], measured
