"""Bandwidths, computed as nccl-tests does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferfleet.fabric.bandwidth import all_reduce_gbps, send_gbps, sizes, upper_median


@pytest.mark.parametrize(
    ("largest", "expected"),
    [
        (1 << 28, [1 << 10, 1 << 14, 1 << 18, 1 << 22, 1 << 26, 1 << 28]),
        (1 << 14, [1 << 10, 1 << 14]),
        (1 << 10, [1 << 10]),
        (512, [512]),
    ],
)
def test_sizes(largest, expected):
    assert sizes(largest) == expected


def test_bandwidth_of_a_transfer():
    assert send_gbps(125_000_000, 1) == 1.0
    assert send_gbps(1, 0) == 0


@pytest.mark.parametrize(("ranks", "factor"), [(1, 0), (2, 1), (4, 1.5), (8, 1.75)])
def test_bus_bandwidth_of_an_all_reduce(ranks, factor):
    assert all_reduce_gbps(125_000_000, 1, ranks) == pytest.approx(factor)


@given(st.integers(2, 1024), st.floats(1e-6, 1e3), st.floats(1, 1e3))
def test_ideal_ring_reaches_the_link_rate(ranks, rate, size):
    seconds = size * 8 / (rate * 1e9) * 2 * (ranks - 1) / ranks
    assert all_reduce_gbps(size, seconds, ranks) == pytest.approx(rate)


def test_the_upper_median():
    assert [upper_median(v) for v in ([], [3], [1, 9], [1, 2, 9], [1, 2, 8, 9])] == [0, 3, 9, 2, 8]
