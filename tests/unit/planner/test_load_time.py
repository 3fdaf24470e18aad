"""The time to load the weights: what a node reads, at the measured speed of a disk."""

import pytest

from inferfleet.cli.output.plan import loading
from inferfleet.planner import estimate
from inferfleet.planner.load_time import LOAD_BYTES_PER_SECOND, load_bytes, load_seconds
from inferfleet.settings import Settings


@pytest.mark.parametrize(("size", "seconds"), [(0, 0), (1, 1), (LOAD_BYTES_PER_SECOND, 1), (688_586_727_753, 431)])
def test_seconds(size, seconds):
    assert load_seconds(size) == seconds


@pytest.mark.parametrize(
    ("stages", "nodes", "size"),
    [((), 2, 100), ((1, 1), 1, 100), ((1, 3), 2, 75), ((1, 2, 3, 4), 2, 70), ((1, 1), 4, 100)],
)
def test_a_node_reads_its_own_stages(stages, nodes, size):
    assert load_bytes(100, stages, nodes) == size


def test_stages_of_two_nodes_share_the_files():
    one, two = (estimate(Settings(model="deepseek-r1", replicas=1), "H200-141G", n, 8) for n in (1, 2))
    assert one.plan.load_bytes == one.plan.checkpoint_bytes == two.plan.checkpoint_bytes
    assert two.plan.pipeline_parallel_size == 2
    assert two.plan.load_bytes / two.plan.checkpoint_bytes == pytest.approx(0.53, abs=0.02)


@pytest.mark.parametrize("nodes", [1, 2])
def test_a_replica_of_one_node_reads_all_files(nodes):
    result = estimate(Settings(model="deepseek-r1"), "H200-141G", nodes, 8)
    form = result.as_dict()
    assert (form["load_gib_per_node"], form["load_seconds"]) == (641.296, 431)
    assert form["load_bytes_per_second"] == LOAD_BYTES_PER_SECOND
    plan = result.plan.as_dict()
    assert (plan["load_seconds"], plan["load_bytes_per_second"]) == (431, LOAD_BYTES_PER_SECOND)
    assert "641.3 GiB" in loading(result.plan)
