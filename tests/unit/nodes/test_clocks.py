"""Clock skew between nodes."""

import pytest

from inferfleet.nodes.clocks import clock_skew


def measured(**offsets):
    return {host: {"offset": offset, "uncertainty": 0.25} for host, offset in offsets.items()}


@pytest.mark.parametrize("offsets", [{"a": 0.0}, {"a": 0.0, "b": 1.4}, {"a": -100.0, "b": -100.9}, {}])
def test_offsets_within_the_uncertainty(offsets):
    assert clock_skew(measured(**offsets), 1.0) is None


def test_skew_between_two_clocks():
    assert str(clock_skew(measured(a=-3.0, b=3.0), 1.0)) == (
        "The clocks of a and b differ by at least 5.5 s; node_baseline_clock_skew_max is 1. Run `timedatectl` and"
        " `chronyc tracking` on a, b: all nodes must use the same time source."
    )


@pytest.mark.parametrize(("offsets", "odd"), [({"a": 0.0, "b": 3.0}, "b"), ({"a": -9.0, "b": 0.5}, "a")])
def test_of_two_clocks_the_one_that_differs_from_the_controller_is_named(offsets, odd):
    assert f"`chronyc tracking` on {odd}: all" in str(clock_skew(measured(**offsets), 1.0))


@pytest.mark.parametrize(
    ("offsets", "odd"), [({"a": 0.1, "b": 0.0, "c": 60.0}, "c"), ({"a": 0.1, "b": 0.0, "c": -60.0}, "c")]
)
def test_outlier_of_three_clocks_is_named(offsets, odd):
    assert f"`chronyc tracking` on {odd}: all" in str(clock_skew(measured(**offsets), 1.0))


def test_skipped_node_is_ignored():
    assert clock_skew({"a": {"skipped": True}, **measured(b=1.0)}, 1.0) is None
