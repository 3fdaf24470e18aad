"""Replicas of a service: their number, their nodes, and what a user sees of them."""

import json

import pytest

from inferfleet.cli.commands.plan import form_of
from inferfleet.cli.output.console import make_console
from inferfleet.cli.output.plan import print_plan
from inferfleet.inventory.model import Inventory
from inferfleet.planner import plan_cluster
from inferfleet.planner.replicas import plan_service
from inferfleet.settings import Settings


def nodes(count, **facts):
    return {f"n{i}": {"role": "worker" if i else "head", "address": f"10.0.0.{i + 1}", **facts} for i in range(count)}


def planned(accelerator, count, **settings):
    settings = {"model": "deepseek-r1", "executor": "mp", "accelerator": accelerator} | settings
    return plan_service(Settings(**settings), nodes(count))


def layout(plans):
    assert not any(plan.problems for plan in plans), [str(problem) for plan in plans for problem in plan.problems]
    return len(plans), plans[0].tensor_parallel_size, plans[0].pipeline_parallel_size


def code(plans):
    (problem,) = plans[0].problems
    return problem.code, problem.change


def reason(plans):
    return next(reason for reason in plans[0].reasons if reason.code == "replicas")


@pytest.mark.parametrize(
    ("accelerator", "count", "expected"),
    [
        ("H200-141G", 4, (4, 8, 1)),  # R1 FP8 fits on one server
        ("H800-80G", 4, (2, 8, 2)),  # it needs two
        ("H20-96G", 2, (1, 8, 2)),  # one holds the weights, but not the full context
        ("A800-80G", 4, (1, 8, 4)),  # BF16 needs all four
        ("A800-80G", 8, (2, 8, 4)),
        ("H200-141G", 3, (3, 8, 1)),
        ("H800-80G", 3, (1, 8, 3)),  # every node belongs to a replica
        ("H800-80G", 5, (2, 8, 2)),  # the second one has three nodes
        ("H800-80G", 7, (3, 8, 2)),
        ("A800-80G", 7, (2, 8, 3)),
        ("H20-96G", 5, (2, 8, 2)),  # one node would shorten the context
        ("H200-141G", 1, (1, 8, 1)),
    ],
)
def test_a_replica_spans_nodes_only_if_one_is_too_small(accelerator, count, expected):
    assert layout(planned(accelerator, count)) == expected


@pytest.mark.parametrize("count", [4, 16, 32, 64])
def test_sequences_that_only_many_nodes_hold_at_once_are_no_reason_for_larger_replicas(count):
    plans = planned("H800-80G", count, max_model_len=65536, max_num_seqs=256)
    assert layout(plans) == (count // 2, 8, 2)
    assert [warning.code for warning in plans[0].warnings].count("sequences-wait") == 1
    few = planned("H800-80G", count, max_model_len=65536, max_num_seqs=4)
    assert "sequences-wait" not in [warning.code for warning in few[0].warnings]


@pytest.mark.parametrize("settings", [{"max_num_seqs": 4096}, {"max_model_len": 65536}, {}])
def test_no_warning_about_a_number_that_the_user_did_not_set(settings):
    plans = planned("H800-80G", 4, **settings)
    assert "sequences-wait" not in [warning.code for plan in plans for warning in plan.warnings]


def test_every_node_belongs_to_one_replica_with_its_own_head():
    plans = planned("H800-80G", 4)
    assert [{name: node.role for name, node in plan.nodes.items()} for plan in plans] == [
        {"n0": "head", "n1": "worker"},
        {"n2": "head", "n3": "worker"},
    ]
    assert [(plan.replica, plan.replicas, plan.name) for plan in plans] == [(1, 2, "replica-1"), (2, 2, "replica-2")]
    assert [plan.api_url for plan in plans] == ["http://10.0.0.1:8000", "http://10.0.0.3:8000"]
    assert "10.0.0.3" in " ".join(plans[1].nodes["n3"].argv)


def test_replicas_with_a_node_more_come_last():
    plans = planned("H800-80G", 5)
    assert [list(plan.nodes) for plan in plans] == [["n0", "n1"], ["n2", "n3", "n4"]]
    assert [plan.pipeline_parallel_size for plan in plans] == [2, 3]
    assert [plan.accelerators for plan in plans] == [16, 24]
    assert [plan.head for plan in plans] == ["n0", "n2"]


def test_all_replicas_have_the_context_of_the_smallest():
    plans = planned("H20-96G", 4, replicas=3)  # one node does not hold the full context of R1
    assert [len(plan.nodes) for plan in plans] == [1, 1, 2]
    assert len({plan.max_model_len for plan in plans}) == 1
    assert plans[0].max_model_len < 163840


def test_the_summary_shows_the_sizes_of_all_replicas(capsys):
    print_plan(make_console(), planned("H800-80G", 5))
    shown = capsys.readouterr().out
    assert "16 × H800-80G / 24 × H800-80G per replica" in shown
    assert "tensor 8, pipeline 2 / tensor 8, pipeline 3" in shown


def test_the_head_of_the_inventory_is_that_of_the_first_replica():
    own = nodes(2)
    own["n0"]["role"], own["n1"]["role"] = "worker", "head"
    plans = plan_service(Settings(model="deepseek-r1", accelerator="H200-141G", executor="mp"), own)
    assert [plan.head for plan in plans] == ["n1", "n0"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"pipeline_parallel_size": 4}, (1, 8, 4)),
        ({"tensor_parallel_size": 16}, (2, 16, 1)),
        ({"tensor_parallel_size": 8}, (4, 8, 1)),
        ({"max_model_len": 131072, "max_num_seqs": 8}, (2, 8, 2)),  # one server holds four
        ({"max_model_len": 131072}, (4, 8, 1)),
        ({"replicas": 1}, (1, 8, 4)),
        ({"replicas": 2}, (2, 8, 2)),
        ({"replicas": 3}, (3, 8, 1)),  # the last one has two nodes
    ],
)
def test_sizes_of_the_user_decide(settings, expected):
    assert layout(planned("H200-141G", 4, **settings)) == expected


@pytest.mark.parametrize(
    ("settings", "change"),
    [
        ({"replicas": 8}, {"replicas": 0}),
        ({"replicas": 3, "accelerator": "H800-80G"}, {"replicas": 0}),
        ({"replicas": 3, "tensor_parallel_size": 8, "pipeline_parallel_size": 1}, {"replicas": 0}),
        ({"replicas": 4, "accelerator": "H800-80G"}, {"replicas": 0}),
        ({"replicas": 2, "engine": "gpustack", "accelerator": "H800-80G"}, {"replicas": 1}),
    ],
)
def test_an_impossible_number_is_refused_with_one_that_works(settings, change):
    settings = {"accelerator": "H200-141G"} | settings
    own = nodes(4)
    requested = Settings(model="deepseek-r1", executor="mp", **settings)
    assert code(plan_service(requested, own)) == ("replicas-unsuitable", change)
    assert all(plan.works for plan in plan_service(requested.model_copy(update=change), own))


def test_a_model_that_fits_nowhere_is_refused_for_all_nodes():
    (plan,) = planned("V100-32G", 2, executor="ray")
    assert plan.problems
    assert len(plan.nodes) == 2


def test_one_server_of_gpustack_manages_all_nodes():
    assert layout(planned("H200-141G", 2, engine="gpustack"))[0] == 1


def test_unequal_nodes_are_refused_although_each_would_serve_a_replica():
    own = nodes(2)
    for name, driver in (("n0", "570.133.20"), ("n1", "580.95.05")):
        own[name]["accelerators"] = [{"index": i, "name": "NVIDIA H200", "memory_mib": 143771} for i in range(8)]
        own[name]["driver_version"] = driver
    (plan,) = plan_service(Settings(model="deepseek-r1", executor="mp"), own)
    assert "mixed-drivers" in {problem.code for problem in plan.problems}


@pytest.mark.parametrize(
    ("accelerator", "count", "settings", "text"),
    [
        ("H200-141G", 4, {}, "4 replicas of one node: the failure of a node interrupts only its own"),
        ("H20-96G", 2, {}, "1 replica on 2 nodes instead of 2: the context would be "),
        ("H800-80G", 4, {}, "2 replicas of 2 nodes instead of 4: does not fit: "),
        ("H200-141G", 4, {"replicas": 2}, "2 replicas of 2 nodes: as configured"),
        ("H800-80G", 5, {}, "2 replicas of 2 or 3 nodes instead of 5: does not fit: "),
        ("H200-141G", 4, {"replicas": 3}, "3 replicas of 1 or 2 nodes: as configured"),
    ],
)
def test_the_number_has_a_reason(accelerator, count, settings, text):
    assert str(reason(planned(accelerator, count, **settings))).startswith(text)


def test_other_numbers_are_compared():
    plan = planned("H800-80G", 4)[0]
    others = {
        c.replicas: (c.layout.pipeline_parallel_size, c.reason.code) for c in plan.alternatives if c.replicas != 2
    }
    assert others == {4: (1, "does-not-fit"), 1: (4, "failure-domain")}
    assert {form["replicas"] for form in plan.alternatives_as_dicts()} == {1, 2, 4}


def inventory(count, **variables):
    values = {
        **Settings().model_dump(),
        "model": "deepseek-r1",
        "accelerator": "H200-141G",
        "executor": "mp",
    } | variables
    names = {f"n{i}": {**values, "ansible_host": f"10.0.0.{i + 1}"} for i in range(count)}
    head, *workers = names
    return Inventory({"ray_head": [head], "ray_worker": workers, "webui": [workers[-1]]}, names)


def test_a_cluster_has_one_plan_per_replica():
    cluster = plan_cluster(inventory(2))
    assert cluster.problems == []
    assert [cluster.plan_of(host).name for host in ("n0", "n1")] == ["replica-1", "replica-2"]
    form = form_of(cluster)
    assert [*form["services"]] == ["replica-1", "replica-2"]
    json.dumps(form)


def test_the_ports_of_every_head_are_checked_on_its_node():
    found = plan_cluster(inventory(2), {"n1": {"listening": {"8000": "nginx"}}})
    assert "port-taken" in {problem.code for problem in found.node_problems["n1"]}


def test_a_component_on_the_node_of_another_head_must_not_use_its_port():
    codes = [problem.code for problem in plan_cluster(inventory(2, webui_port=8000)).problems]
    assert codes == ["port-clash"]


def test_many_nodes_are_planned_at_once():
    plans = planned("H200-141G", 64)
    assert layout(plans) == (64, 8, 1)
    assert len({name for plan in plans for name in plan.nodes}) == 64
