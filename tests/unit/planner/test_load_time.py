"""The time to load the weights: what a node reads, at the measured speed of a disk."""

import pytest

from inferfleet.cli.output.plan import loading
from inferfleet.planner import estimate
from inferfleet.planner.load_time import LOAD_BYTES_PER_SECOND, load_seconds
from inferfleet.settings import Settings


@pytest.mark.parametrize(("size", "seconds"), [(0, 0), (1, 1), (LOAD_BYTES_PER_SECOND, 1), (688_586_727_753, 431)])
def test_seconds(size, seconds):
    assert load_seconds(size) == seconds


@pytest.mark.parametrize("nodes", [1, 2])
def test_every_node_reads_all_files(nodes):
    result = estimate(Settings(model="deepseek-r1"), "H200-141G", nodes, 8)
    form = result.as_dict()
    assert (form["load_gib_per_node"], form["load_seconds"]) == (641.296, 431)
    assert form["load_bytes_per_second"] == LOAD_BYTES_PER_SECOND
    plan = result.plan.as_dict()
    assert (plan["load_seconds"], plan["load_bytes_per_second"]) == (431, LOAD_BYTES_PER_SECOND)
    assert "641.3 GiB" in loading(result.plan)
