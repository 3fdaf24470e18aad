"""Who is slow, from what was measured."""

import json
from pathlib import Path

import pytest

from inferfleet.fabric import Limits, evaluate_fabric
from inferfleet.messages import Message, Problem, use_language

LOGS = Path(__file__).parents[2] / "fixtures" / "nccl"
SIZE = 125_000_000  # bytes: one Gbit


def result(speeds, lanes=1, reduced=None, logs=None):
    """Return what the script would write: `speeds` maps (from, to) to Gbit/s."""
    names = list(dict.fromkeys(name for pair in speeds for name in pair))
    pairs = []
    for (sender, receiver), speed in speeds.items():
        each = speed if isinstance(speed, list) else [speed / lanes] * lanes
        for lane, gbps in enumerate(each):
            common = {"from": sender, "to": receiver, "lane": lane}
            pairs += [{**common, "bytes": 1024, "seconds": 5e-5}, {**common, "bytes": SIZE, "seconds": 1 / gbps}]
    ranks = len(names) * lanes
    seconds = 2 * (ranks - 1) / ranks / (reduced or min(sum(s) if isinstance(s, list) else s for s in speeds.values()))
    return {
        "backend": "nccl",
        "world_size": ranks,
        "nodes": names,
        "all_reduce": [{"bytes": 1024, "seconds": 1e-4}, {"bytes": SIZE, "seconds": seconds}],
        "pairs": pairs,
        "nccl_log": logs or {},
    }


def mesh(count, speed, **changed):
    """Return equal speeds between `count` nodes, with changes such as n1_n2=3."""
    names = [f"n{i}" for i in range(1, count + 1)]
    speeds = {(a, b): speed for a in names for b in names if a != b}
    return speeds | {tuple(key.split("_")): value for key, value in changed.items()}


def nodes(count, link=0, rdma=()):
    return {f"n{i}": {"link_gbps": link, "rdma": list(rdma)} for i in range(1, count + 1)}


def problems(measured, machines, transport="", limits=None):
    return [str(problem) for problem in evaluate_fabric(measured, machines, transport, limits or Limits()).problems]


def test_a_good_network():
    report = evaluate_fabric(result(mesh(3, 185)), nodes(3, 200, ["mlx5_0:1"]), "rdma", Limits(), connections=78)
    assert report.problems == []
    assert report.median_gbps == pytest.approx(185)
    assert report.all_reduce[-1]["bus_gbps"] == pytest.approx(185)
    assert report.pairs[0].latency_ms == pytest.approx(0.05)
    assert report.as_dict()["ok"] is True
    assert [(str(label), str(text)) for label, text in report.rows()[:3]] == [
        ("ports", "every one reached from every node, in 78 connections"),
        ("all-reduce", "185 Gbit/s bus bandwidth, 119.209 MiB over 3 ranks, RDMA"),
        ("n1 → n2", "185 of 200 Gbit/s, 0.05 ms"),
    ]


def test_the_json_form_holds_texts_as_data():
    form = json.loads(json.dumps(evaluate_fabric(result(mesh(2, 9.4, n2_n1=0.2)), nodes(2), "", Limits()).as_dict()))
    (problem,) = form["problems"]
    assert problem["code"] == "pair-slow"
    revived = Problem.from_dict(problem)
    assert (revived.parameters["sender"], revived.parameters["receiver"]) == ("n2", "n1")
    assert revived.parameters["measured"].parameters["rate"] == "0.2"
    assert Message.from_dict(form["rows"][0]["text"]).parameters["ranks"] == 2


def test_one_slow_direction_between_two_nodes_of_unknown_rate():
    assert problems(result(mesh(2, 9.4, n2_n1=0.2)), nodes(2)) == [
        "From n2 to n1 there is too little: 0.2 Gbit/s, 2 % of the median of all pairs (9.4 Gbit/s; at least 50 % is"
        " wanted). Look at the cable and the switch's port of both, and at errors in `ip -s link` or `rdma statistic`."
    ]


def test_one_slow_cable_among_good_ones():
    assert problems(result(mesh(4, 190, n2_n4=90)), nodes(4, 200, ["mlx5_0:1"]), "rdma") == [
        "From n2 to n4 there is too little: 90 Gbit/s, 45 % of the link's rate (200 Gbit/s; at least 70 % is wanted)."
        " Look at the cable and the switch's port of both, and at errors in `ip -s link` or `rdma statistic`."
    ]


def test_one_node_that_sends_slowly():
    slow = mesh(3, 9.4, n2_n1=0.2, n2_n3=0.1)
    assert problems(result(slow), nodes(3)) == [
        "Node n2 sends to every other node too slowly: 0.1 Gbit/s, 1 % of the median of all pairs (9.4 Gbit/s; at least"
        " 50 % is wanted) with n3. Look at its own cable, port and adapter."
    ]


def test_one_node_that_is_slow_both_ways():
    slow = mesh(4, 9, **{f"n3_{n}": 1 for n in ("n1", "n2", "n4")}, **{f"{n}_n3": 2 for n in ("n1", "n2", "n4")})
    assert [text.split(":")[0] for text in problems(result(slow), nodes(4))] == [
        "Node n3 sends to every other node too slowly",
        "Node n3 receives from every other node too slowly",
    ]


def test_all_are_slow_and_nobody_is_blamed_alone():
    (problem,) = problems(result(mesh(3, 20)), nodes(3, 200, ["m:1"]), "rdma")
    assert problem == (
        "Every pair of nodes gets too little; from n1 to n2 20 Gbit/s, 10 % of the link's rate (200 Gbit/s; at least 70"
        " % is wanted). Look at what all share: MTU, switches, GPUDirect, and NCCL's settings in `inferfleet plan"
        " --json`."
    )


def test_many_slow_pairs_are_counted():
    slow = {f"n{i}_n{i + 1}": float(i) / 10 for i in range(1, 9)}
    found = problems(result(mesh(9, 9, **slow)), nodes(9))
    assert len(found) == 7
    assert found[0].startswith("From n1 to n2")
    assert found[-1] == "So do 2 more pairs, all of them in `inferfleet fabric --json`."


def test_tcp_is_asked_for_less():
    assert problems(result(mesh(2, 40)), nodes(2, 100), "tcp") == []
    assert problems(result(mesh(2, 40)), nodes(2, 100, ["m:1"]), "rdma") != []


def test_limits_can_be_set():
    assert problems(result(mesh(2, 9, n2_n1=3)), nodes(2), limits=Limits(median_share=0.2)) == []


def test_one_adapter_of_several():
    speeds = mesh(2, [100.0, 100.0, 100.0, 100.0], n1_n2=[100.0, 30.0, 100.0, 100.0])
    (problem,) = problems(result(speeds, lanes=4), nodes(2, 400, ["m:1"]), "rdma")
    assert problem == (
        "From n1 to n2, local rank 1 gets 30 Gbit/s, the median of all ranks is 100. Look at the adapter beside"
        " accelerator 1 on both."
    )


def test_switches_that_are_oversubscribed():
    (problem,) = problems(result(mesh(4, 190), reduced=80), nodes(4, 200, ["m:1"]), "rdma")
    assert problem.startswith("The all-reduce over all nodes reaches 80 Gbit/s, 40 % of the slowest node's rate (200")


def log(name):
    return (LOGS / f"{name}.log").read_text().splitlines()


def test_nccl_that_fell_back_to_sockets():
    measured = result(mesh(2, 190), logs={"n1": log("infiniband"), "n2": log("no_verbs")})
    assert problems(measured, nodes(2, 200, ["mlx5_0:1"]), "rdma") == [
        "RDMA was planned on n2 (mlx5_0:1), but NCCL talks over sockets there. It says: Failed to open"
        " libibverbs.so[.1]. Check that `ibv_devices` in the engine's container lists them and that their ports"
        " are active; `inferfleet check` shows what the node reports."
    ]


def test_sockets_are_right_on_a_tcp_fleet():
    assert problems(result(mesh(2, 9), logs={"n1": log("fallback")}), nodes(2, 10), "tcp") == []


def test_missing_gpudirect_is_noted():
    measured = result(mesh(2, 190), logs={"n1": log("infiniband"), "n2": log("roce_without_gpudirect")})
    report = evaluate_fabric(measured, nodes(2, 200, ["m:1"]), "rdma", Limits())
    assert report.problems == []
    assert [note.code for note in report.notes] == ["nccl-version", "no-gpudirect"]
    assert str(report.notes[0]) == "NCCL 2.28.9, 2.19.3"
    assert report.notes[1].parameters == {"nodes": ["n2"]}


def test_many_pairs_are_shown_by_the_slowest():
    rows = evaluate_fabric(result(mesh(5, 9, n2_n3=8)), nodes(5), "", Limits()).rows()
    assert str(rows[1][0]) == "n2 → n3"
    assert str(rows[-1][1]) == "and 14 faster pairs, up to 9 Gbit/s"


def test_a_report_in_chinese():
    report = evaluate_fabric(result(mesh(2, 9.4, n2_n1=0.2)), nodes(2), "", Limits(), connections=78)
    (problem,) = report.problems
    use_language("zh")
    try:
        assert problem.message.startswith("从 n2 到 n1 的带宽过低：0.2 Gbit/s，为所有节点对中位数")
        assert [str(label) for label, _ in report.rows()[:2]] == ["端口", "all-reduce 带宽"]
    finally:
        use_language("en")
