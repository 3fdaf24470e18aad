"""Network verification on the test cluster: real Gloo in the engine image, and a throttled link of one node."""

from collections.abc import Iterator

import pytest
from lab_cluster import INVENTORY, TOOLS, Controller
from test_refusals import STATE, on

pytestmark = pytest.mark.lab

NODES = ("node1", "node2")
RATE = 200  # Mbit/s; the test cluster's links do about 10 Gbit/s


@pytest.fixture(scope="module", autouse=True)
def prepared(controller: Controller) -> None:
    """The existing test cluster, with Docker on its nodes."""
    if controller.run([TOOLS / "ansible", "all", "-i", INVENTORY, "-m", "ansible.builtin.ping"]).rc != 0:
        up = controller.run([TOOLS / "python", "-m", "lab", "up"], timeout=1800)
        assert up.rc == 0, up
    done = controller.run([TOOLS / "ansible-playbook", "playbooks/prepare.yml", "-i", INVENTORY])
    assert done.rc == 0, done


@pytest.fixture
def unchanged() -> Iterator[None]:
    """Assert that the verification leaves no container, file or listener; the first one may pull the image."""
    before = [on(node, STATE) for node in NODES]
    yield
    assert [on(node, STATE) for node in NODES] == before
    for node in NODES:
        assert on(node, "ls -d /run/inferfleet-fabric 2>/dev/null || true") == ""
        assert "inferfleet-fabric-listen" not in on(node, "cat /proc/net/unix")


@pytest.fixture
def slow_node() -> Iterator[str]:
    """Throttle the traffic that node2 sends."""
    on("node2", f"tc qdisc add dev eth0 root tbf rate {RATE}mbit burst 64kb latency 50ms")
    yield "node2"
    on("node2", "tc qdisc del dev eth0 root")


def test_healthy_network(controller: Controller) -> None:
    done = controller.inferfleet("fabric")
    assert done.rc == 0, done
    report = done.document["result"]["fabric"]
    assert report["ok"] is True
    # 21 ports of the head, with the API's, Ray's own and the monitoring's, and 15 of the worker. A connection that a
    # node itself has opened may occupy its first ephemeral port, which is one of them.
    assert 34 <= report["connections"] <= 36
    assert {(pair["from"], pair["to"]) for pair in report["pairs"]} == {NODES, NODES[::-1]}
    assert [entry["bytes"] for entry in report["all_reduce"]] == [1 << 10, 1 << 14, 1 << 18, 1 << 22, 1 << 24]
    assert report["all_reduce"][-1]["bus_gbps"] > 1


@pytest.mark.thorough
def test_slow_link_is_reported(controller: Controller, unchanged: None, slow_node: str) -> None:
    done = controller.inferfleet("fabric")
    assert (done.rc, done.document["changed_tasks"]) == (2, []), done
    report = done.document["result"]["fabric"]
    (problem,) = report["problems"]
    assert problem["message"].startswith(f"The bandwidth from {slow_node} to node1 is too low: 0.1"), done
    assert problem["message"] in done.document["failures"][0]["message"]
    speeds = {pair["from"]: pair["gbps"] for pair in report["pairs"]}
    assert RATE / 1000 * 0.7 < speeds[slow_node] < RATE / 1000 * 1.2
    assert speeds["node1"] > 5 * speeds[slow_node]
