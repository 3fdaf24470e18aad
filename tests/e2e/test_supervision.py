"""One replica over both nodes: it serves again by itself after each fault, and restarts for no other reason."""

import time
from typing import Any

import pytest
from alert_history import fired, wait_until_cleared
from lab_cluster import Controller
from steady_load import SteadyLoad
from tests.faults.catalog import Fault, possible
from tests.faults.cluster import Replica, replicas
from tests.faults.experiment import generation, perform, serves, wait_until
from tests.faults.measure import problems
from tests.faults.streams import StreamLoad

pytestmark = pytest.mark.lab
EXECUTORS = ["ray", "mp"]
SATURATED_SECONDS = 25
CLIENTS = 24  # three times what the engine runs at once
SHORT_PROMPT = "How many layers does DeepSeek-R1 have?"
GATEWAY = "https://198.18.5.11:8443"
LONG_PROMPT = "layers " * 1500  # near the longest that the engine takes

CASES = [
    pytest.param(executor, fault, id=f"{executor}-{fault.name}", marks=() if quick else pytest.mark.soak)
    for executor in EXECUTORS
    for fault in possible(executor, nodes=2)
    for quick in [fault.quick and executor == "ray"]
]


class Deployments:
    """Deploys an executor when the first test needs it."""

    def __init__(self, controller: Controller) -> None:
        self._controller, self._executor = controller, "ray"

    def replica(self, executor: str) -> Replica:
        """Return the replica with this executor, which serves."""
        if executor != self._executor:
            up = self._controller.inferfleet("up", "-e", f"executor={executor}")
            assert up.rc == 0, up
            self._executor = executor
        (replica,) = replicas()
        assert replica.executor == executor
        wait_until(lambda: serves(replica), "the replica serves")
        return replica


@pytest.fixture(scope="module")
def deployments(deployed: dict[str, Any], controller: Controller) -> Deployments:
    return Deployments(controller)


@pytest.mark.parametrize(
    "prompt", [pytest.param(SHORT_PROMPT, marks=pytest.mark.soak), LONG_PROMPT], ids=["short", "long"]
)
def test_saturation_restarts_nothing(deployments: Deployments, prompt: str) -> None:
    replica = deployments.replica("ray")
    before, since = generation(replica), time.time()
    with StreamLoad(replica, clients=CLIENTS, prompt=prompt, probing=False) as load:
        time.sleep(SATURATED_SECONDS)
        assert any(stream.ok for stream in load.streams)
        assert load.failed() == []
    assert (serves(replica), generation(replica), replica.restarts(since)) == (True, before, [])
    assert fired(since) == set()


@pytest.mark.parametrize(("executor", "fault"), CASES)
def test_replica_serves_again(deployments: Deployments, executor: str, fault: Fault) -> None:
    replica, since = deployments.replica(executor), time.time()
    with SteadyLoad(GATEWAY, clients=1):
        measured = perform(fault, replica)
    print(measured)
    assert problems(fault, measured) == [], measured
    assert {*fault.alerts} <= fired(since)


def test_alerts_of_the_faults_are_resolved(deployments: Deployments) -> None:
    wait_until_cleared()
