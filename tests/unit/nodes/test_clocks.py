"""Clocks that do not agree."""

import pytest

from inferfleet.nodes.clocks import clock_skew


def measured(**offsets):
    return {host: {"offset": offset, "uncertainty": 0.25} for host, offset in offsets.items()}


@pytest.mark.parametrize("offsets", [{"a": 0.0}, {"a": 0.0, "b": 1.4}, {"a": -100.0, "b": -100.9}, {}])
def test_what_may_be_the_way_there(offsets):
    assert clock_skew(measured(**offsets), 1.0) is None


def test_two_that_differ():
    assert str(clock_skew(measured(a=0.0, b=3.0), 1.0)) == (
        "The clocks of a and b differ by at least 2.5 s; node_baseline_clock_skew_max is 1. Look at `timedatectl` and"
        " `chronyc tracking` on a, b: all nodes must follow the same time source."
    )


@pytest.mark.parametrize(
    ("offsets", "odd"), [({"a": 0.1, "b": 0.0, "c": 60.0}, "c"), ({"a": 0.1, "b": 0.0, "c": -60.0}, "c")]
)
def test_the_one_that_stands_alone_is_named(offsets, odd):
    assert f"`chronyc tracking` on {odd}: all" in str(clock_skew(measured(**offsets), 1.0))


def test_a_node_that_was_not_asked():
    assert clock_skew({"a": {"skipped": True}, **measured(b=1.0)}, 1.0) is None
