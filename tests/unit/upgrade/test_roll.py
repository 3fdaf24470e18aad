"""Which replicas are replaced one after another, and which models are interrupted."""

import pytest

from inferfleet.upgrade import driver_order, interruption, plan_roll, touched
from inferfleet.upgrade.groups import at_once, rolled


def plan(*nodes: str, model: str = "r1", port: int = 8000, protocol: str = "openai") -> dict:
    return {
        "head": nodes[0],
        "port": port,
        "nodes": {node: {} for node in nodes},
        "served_model_name": model,
        "protocol": protocol,
        "load_seconds": 90,
    }


def server(head: str, *, healthy: bool = True, drained: bool = False, port: int = 8000) -> dict:
    return {"server": f"model_r1/{head}_{port}", "healthy": healthy, "drained": drained, "requests": 0}


def heads(plans) -> list[str]:
    return [one["head"] for one in plans]


TWO = [plan("n1", "n2"), plan("n3", "n4")]
ALL_STALE = {host: ["inferfleet-engine"] for host in ("n1", "n2", "n3", "n4")}
BOTH = [server("n1"), server("n3")]


def test_serving_replicas_are_rolled_in_order():
    roll = plan_roll(TWO, ALL_STALE, [BOTH])
    assert (heads(roll.rolled), heads(roll.interrupted)) == (["n1", "n3"], [])


def test_unchanged_replicas_are_not_rolled():
    roll = plan_roll(TWO, {"n4": ["inferfleet-ray"]}, [BOTH])
    assert heads(roll.rolled) == heads(roll.replaced) == ["n3"]


def test_nothing_is_rolled_without_changes():
    assert plan_roll(TWO, {}, [BOTH]).rolled == ()


def test_replica_that_does_not_serve_starts_first_and_the_other_is_rolled():
    for down in (server("n1", healthy=False), server("n1", drained=True)):
        roll = plan_roll(TWO, ALL_STALE, [[down, server("n3")]])
        assert (heads(roll.rolled), heads(roll.interrupted)) == (["n3"], [])


def test_replica_that_serves_at_one_gateway_only_is_rolled():
    roll = plan_roll(TWO, ALL_STALE, [[server("n1", healthy=False), server("n3")], BOTH])
    assert heads(roll.rolled) == ["n1", "n3"]


def test_single_replica_is_interrupted():
    roll = plan_roll(TWO[:1], ALL_STALE, [[server("n1")]])
    assert (heads(roll.rolled), heads(roll.interrupted)) == ([], ["n1"])


def test_all_are_interrupted_without_a_gateway():
    roll = plan_roll(TWO, ALL_STALE, [])
    assert (heads(roll.rolled), heads(roll.interrupted)) == ([], ["n1", "n3"])


def test_division_of_a_replica_is_an_interruption():
    roll = plan_roll(TWO, ALL_STALE, [[server("n1")]])
    assert (heads(roll.rolled), heads(roll.interrupted)) == ([], ["n1"])


def test_new_replica_does_not_touch_the_present_one():
    roll = plan_roll(TWO, {}, [[server("n1")]])
    assert (roll.rolled, roll.interrupted, roll.replaced) == ((), (), ())


def test_changed_port_is_an_interruption():
    moved = [plan("n1", port=8100), plan("n3", port=8100)]
    roll = plan_roll(moved, ALL_STALE, [BOTH])
    assert (heads(roll.rolled), heads(roll.interrupted)) == ([], ["n1", "n3"])


def test_roll_continues_with_the_replica_that_it_drained():
    drained = [server("n1", drained=True), server("n3")]
    roll = plan_roll(TWO, {"n3": ["inferfleet-engine"]}, [drained], ["n1_8000"])
    assert heads(roll.rolled) == ["n1", "n3"]
    assert plan_roll(TWO, {}, [drained]).rolled == ()  # drained by the user: it stays so


def test_replicas_of_another_model_do_not_help():
    plans = [plan("n1"), plan("n3", model="other")]
    roll = plan_roll(plans, ALL_STALE, [BOTH])
    assert (heads(roll.rolled), heads(roll.interrupted)) == ([], ["n1", "n3"])


def test_engine_without_http_is_ignored():
    assert plan_roll([plan("n1", protocol="none")], ALL_STALE, []).interrupted == ()


@pytest.mark.parametrize(("confirmed", "remedy"), [(False, True), (True, False)])
def test_interruption_names_each_model_once(confirmed, remedy):
    problems = interruption(plan_roll(TWO, ALL_STALE, []), confirmed=confirmed, refuse=True)
    assert [(one.code, one.parameters) for one in problems] == [("service-interrupted", {"model": "r1", "seconds": 90})]
    assert bool(problems[0].remedy_template) is remedy


def test_groups_are_read_in_the_order_of_the_roll():
    groups = {"ray_head": ["n1"], "inferfleet_roll_0010": ["n5"], "inferfleet_roll_0002": ["n3", "n4"]}
    assert rolled(groups) == [["n3", "n4"], ["n5"]]
    assert at_once(groups, ["n1", "n3", "n4", "n5"]) == ["n1"]


def test_scaling_names_the_replicas_that_would_change():
    (problem,) = touched(plan_roll(TWO, {"n4": ["inferfleet-engine"]}, [BOTH]))
    assert (problem.code, problem.parameters) == ("replicas-would-change", {"nodes": ["n3"]})


def test_drivers_of_unused_replicas_change_first():
    roll = plan_roll(TWO, ALL_STALE, [[server("n1"), server("n3", healthy=False)]])
    assert heads(driver_order(roll)) == ["n3", "n1"]


def test_replica_that_a_roll_drained_does_not_stop_for_a_driver_that_it_has():
    roll = plan_roll(TWO, {"n3": ["inferfleet-engine"]}, [BOTH], ["n1_8000"])
    assert (heads(roll.rolled), heads(driver_order(roll))) == (["n1", "n3"], ["n3"])
