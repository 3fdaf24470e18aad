"""Prefix affinity: how far replicas may differ, and where it ends."""

import pytest
from tests.unit.gateway.plans import plan

from inferfleet.gateway import Limits, Paths, backends_of, render_config
from inferfleet.gateway.affinity import Affinity


def backend(capacities):
    (found,) = backends_of(plan("m", f"n{n}", max_num_seqs=size) for n, size in enumerate(capacities))
    return found


@pytest.mark.parametrize("capacities", [(256, 256), (1, 1), (8, 8, 8), (64, 256, 256, 256)])
def test_no_replica_is_full_by_affinity(capacities):
    """HAProxy gives a replica at most the factor times the average, rounded up."""
    affinity, found = Affinity(), backend(capacities)
    most = affinity.busy(found) * affinity.factor(len(capacities)) / 100 / len(capacities)
    assert most <= min(capacities)


def test_unlimited_capacity_has_no_such_end():
    assert Affinity().busy(backend((0, 0))) == 0


@pytest.mark.parametrize(("replicas", "affinity", "used"), [(1, True, False), (2, True, True), (2, False, False)])
def test_affinity_needs_several_replicas(replicas, affinity, used):
    limits = Limits(65536, 8404, affinity=affinity)
    config = render_config([backend((8,) * replicas)], 8443, limits, Paths("/etc/gw", "/run/s"), "k")
    assert ("hash-balance-factor" in config, "balance leastconn" in config) == (used, not used)
