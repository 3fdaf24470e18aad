"""Names of replicas behind a deployed gateway."""

import pytest
from tests.unit.gateway.plans import plan

from inferfleet.gateway import DeployedReplica, find_replica, last_replica, read_replicas, replica_lines
from inferfleet.messages import Problem

PLANS = [
    plan("deepseek-r1", "a1", name="r1-1"),
    plan("deepseek-r1", "b1", name="r1-2"),
    plan("small", "c1", port=80, name=""),
    plan("", "d1", protocol="none", name="none"),
]
REPLICAS = read_replicas(replica_lines(PLANS))


def test_replica_has_the_names_of_its_plan_server_and_head():
    assert (
        DeployedReplica("model_deepseek-r1/a1_8000", ("r1-1", "a1_8000", "a1"), "deepseek-r1"),
        DeployedReplica("model_deepseek-r1/b1_8000", ("r1-2", "b1_8000", "b1"), "deepseek-r1"),
        DeployedReplica("model_small/c1_80", ("c1_80", "c1"), "small"),
    ) == REPLICAS


@pytest.mark.parametrize(("name", "server"), [("r1-2", "b1_8000"), ("b1", "b1_8000"), ("c1_80", "c1_80")])
def test_replica_is_found_by_each_name(name, server):
    assert find_replica(name, REPLICAS).server.endswith(f"/{server}")


@pytest.mark.parametrize(("name", "names"), [("r1-3", ["r1-2", "r1-1"]), ("other", ["r1-1", "r1-2", "c1_80"])])
def test_unknown_replica_is_a_problem_with_similar_names(name, names):
    problem = find_replica(name, REPLICAS)
    assert isinstance(problem, Problem)
    assert (problem.code, problem.parameters) == ("unknown-replica", {"replica": name, "names": names})


def test_node_with_two_replicas_is_ambiguous():
    twice = read_replicas(replica_lines([plan("m", "a1", name="m-1"), plan("m", "a1", port=8001, name="m-2")]))
    problem = find_replica("a1", twice)
    assert isinstance(problem, Problem)
    assert (problem.code, problem.parameters["names"]) == ("ambiguous-replica", ["m-1", "m-2"])


def test_last_usable_replica_of_a_model_is_a_warning():
    first, second, small = REPLICAS
    assert last_replica(first, REPLICAS, [second.server, small.server]) == []
    (warning,) = last_replica(first, REPLICAS, [small.server])
    assert (warning.code, warning.parameters) == ("last-replica", {"model": "deepseek-r1"})
