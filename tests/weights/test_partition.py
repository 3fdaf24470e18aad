"""Network partitions: nodes in network namespaces behind links that fail."""

import subprocess
import sys

import pytest
from tests.bench.links import HUB, Links, inside, sh
from tests.weights.fleet import REPO, ROOT, on_disk, total, wait_for

PORT = 8090
LAN, WAN = 50_000_000, 3_000_000  # bytes a second


class Links3(Links):
    """Three nodes whose links can be cut."""

    def cut(self, number, *, also_hub):
        """Cut a node's link, or only its routes to other nodes."""
        if also_hub:
            sh(f"ip -n fansw link set fan{number}o down")
            return
        for other in {1, 2, 3} - {number}:
            self.hide(number, self.address(other))

    def hide(self, number, address):
        """Make an address unreachable from a node."""
        sh(f"ip -n fan{number} route add blackhole {address}/32")

    def slow(self, number, rate):
        """Limit a node's link to `rate` bytes per second."""
        for end in (f"fan{number} tc qdisc change dev fan{number}i", f"fansw tc qdisc change dev fan{number}o"):
            sh(f"ip netns exec {end} root tbf rate {rate * 8}bit burst 32000 latency 50ms")

    def repair(self, number):
        sh(f"ip -n fansw link set fan{number}o up")


@pytest.fixture
def links():
    with Links3(3, LAN, WAN) as links:
        yield links


@pytest.fixture
def far_hub(links, hub_root):
    line = [*inside("fanhub"), sys.executable, "-m", "lab.hub", "--root", hub_root, "--host", HUB, "--port", str(PORT)]
    process = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    listening = [*inside("fanhub"), "ss", "-ltnH", f"sport = :{PORT}"]
    wait_for(lambda: subprocess.run(listening, capture_output=True, check=True).stdout)
    yield f"http://{HUB}:{PORT}"
    process.kill()
    process.wait()


@pytest.fixture
def far_fleet(fleet, links, far_hub):
    for number, node in enumerate(fleet.nodes, 1):
        node.name, node.address, node.prefix = f"fan{number}", links.address(number), inside(f"fan{number}")
    fleet.defaults = {
        "wan_nodes": [node.name for node in fleet.nodes],
        "expected": [node.name for node in fleet.nodes],
        "sources": [{"type": "huggingface", "endpoint": far_hub, "repository": REPO}],
        "workers": 1,  # so that some files are complete when the link fails
    }
    return fleet


def begin(far_fleet, **params):
    far_fleet.start(**{**far_fleet.defaults, **params})
    wait_for(lambda: all(on_disk(node) > 1_000_000 for node in far_fleet.nodes))


def test_restored_link_loses_little(far_fleet, links, files):
    begin(far_fleet)
    links.cut(3, also_hub=True)
    # The others take over its share.
    wait_for(lambda: all(far_fleet.is_complete(node) for node in far_fleet.nodes[:2]), seconds=120)
    links.repair(3)
    results = far_fleet.end()
    assert [r.get("msg") for r in results] == [None] * 3
    assert all(far_fleet.is_complete(node) for node in far_fleet.nodes)
    assert sum(r["wan"] for r in results) < 1.4 * total(files), "what had arrived was fetched again"


def test_isolated_node_fails_and_the_others_finish(far_fleet, links):
    begin(far_fleet, patience=15)
    links.cut(3, also_hub=True)
    results = far_fleet.end()
    assert [r.get("msg") for r in results[:2]] == [None, None]
    assert all(far_fleet.is_complete(node) for node in far_fleet.nodes[:2])
    message = results[2]["msg"]
    assert "fan1, fan2 did not respond: check these nodes first." in message
    assert "the download resumes where it stopped" in message
    links.repair(3)
    far_fleet.start(nodes=far_fleet.nodes, **{**far_fleet.defaults, "expected": ["fan3"]})
    assert far_fleet.end()[2]["wan"] == 0
    assert far_fleet.is_complete(far_fleet.nodes[2])


@pytest.mark.thorough
def test_nodes_that_reach_only_the_hub_finish(far_fleet, links):
    begin(far_fleet)
    links.cut(3, also_hub=False)
    results = far_fleet.end()
    assert [r.get("msg") for r in results] == [None] * 3
    assert all(far_fleet.is_complete(node) for node in far_fleet.nodes)


@pytest.mark.thorough
def test_slow_node_is_awaited(far_fleet, files, links):
    links.slow(3, 500_000)
    far_fleet.start(**far_fleet.defaults)
    results = far_fleet.end()
    assert [r.get("msg") for r in results] == [None] * 3
    assert all(far_fleet.is_complete(node) for node in far_fleet.nodes)
    assert sum(r["wan"] for r in results) < 1.1 * total(files), "its share was fetched a second time"


@pytest.mark.thorough
def test_node_without_internet_access_leaves_its_share_to_the_others(far_fleet, links):
    links.hide(3, HUB)
    far_fleet.start(**far_fleet.defaults)
    results = far_fleet.end()
    assert [r.get("msg") for r in results] == [None] * 3
    assert all(far_fleet.is_complete(node) for node in far_fleet.nodes)
    assert results[2]["wan"] == 0
