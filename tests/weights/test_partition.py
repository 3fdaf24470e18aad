"""Nodes behind real links, which break: network namespaces with a switch between them."""

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
        """Cut a node's link, or only what leads to other nodes."""
        if also_hub:
            sh(f"ip -n fansw link set fan{number}o down")
            return
        for other in {1, 2, 3} - {number}:
            self.hide(number, self.address(other))

    def hide(self, number, address):
        """Let a node not reach an address."""
        sh(f"ip -n fan{number} route add blackhole {address}/32")

    def slow(self, number, rate):
        """Let a node send and receive no more than so many bytes a second."""
        for end in (f"fan{number} tc qdisc change dev fan{number}i", f"fansw tc qdisc change dev fan{number}o"):
            sh(f"ip netns exec {end} root tbf rate {rate * 8}bit burst 32000 latency 50ms")

    def mend(self, number):
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
        "workers": 1,  # so that some files are whole when the link breaks
    }
    return fleet


def begin(far_fleet, **params):
    far_fleet.start(**{**far_fleet.defaults, **params})
    wait_for(lambda: all(on_disk(node) > 1_000_000 for node in far_fleet.nodes))


def test_a_link_that_comes_back_loses_little(far_fleet, links, files):
    begin(far_fleet)
    links.cut(3, also_hub=True)
    # The others take over what was its share.
    wait_for(lambda: all(far_fleet.is_complete(node) for node in far_fleet.nodes[:2]), seconds=120)
    links.mend(3)
    results = far_fleet.end()
    assert [r.get("msg") for r in results] == [None] * 3
    assert all(far_fleet.is_complete(node) for node in far_fleet.nodes)
    assert sum(r["wan"] for r in results) < 1.4 * total(files), "what had arrived was fetched again"


def test_a_node_that_stays_cut_off_says_so_and_the_others_finish(far_fleet, links):
    begin(far_fleet, patience=15)
    links.cut(3, also_hub=True)
    results = far_fleet.end()
    assert [r.get("msg") for r in results[:2]] == [None, None]
    assert all(far_fleet.is_complete(node) for node in far_fleet.nodes[:2])
    message = results[2]["msg"]
    assert "fan1, fan2 did not answer: look there first." in message
    assert "run it again: it goes on where it stopped" in message
    links.mend(3)
    far_fleet.start(nodes=far_fleet.nodes, **{**far_fleet.defaults, "expected": ["fan3"]})
    assert far_fleet.end()[2]["wan"] == 0
    assert far_fleet.is_complete(far_fleet.nodes[2])


def test_nodes_that_see_the_hub_but_not_each_other_still_finish(far_fleet, links):
    begin(far_fleet)
    links.cut(3, also_hub=False)
    results = far_fleet.end()
    assert [r.get("msg") for r in results] == [None] * 3
    assert all(far_fleet.is_complete(node) for node in far_fleet.nodes)


def test_a_slow_node_is_waited_for(far_fleet, files, links):
    links.slow(3, 500_000)
    far_fleet.start(**far_fleet.defaults)
    results = far_fleet.end()
    assert [r.get("msg") for r in results] == [None] * 3
    assert all(far_fleet.is_complete(node) for node in far_fleet.nodes)
    assert sum(r["wan"] for r in results) < 1.1 * total(files), "nobody took its share a second time"


def test_a_node_without_a_way_out_leaves_its_share_to_the_others(far_fleet, links):
    links.hide(3, HUB)
    far_fleet.start(**far_fleet.defaults)
    results = far_fleet.end()
    assert [r.get("msg") for r in results] == [None] * 3
    assert all(far_fleet.is_complete(node) for node in far_fleet.nodes)
    assert results[2]["wan"] == 0
