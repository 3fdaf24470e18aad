"""Evaluation of fabric measurements."""

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


def test_network_within_the_thresholds():
    report = evaluate_fabric(result(mesh(3, 185)), nodes(3, 200, ["mlx5_0:1"]), "rdma", Limits(), connections=78)
    assert report.problems == []
    assert report.median_gbps == pytest.approx(185)
    assert report.all_reduce[-1]["bus_gbps"] == pytest.approx(185)
    assert report.pairs[0].latency_ms == pytest.approx(0.05)
    assert report.as_dict()["ok"] is True
    assert [(str(label), str(text)) for label, text in report.rows()[:3]] == [
        ("ports", "all reachable from every node (78 connections)"),
        ("all-reduce", "185 Gbit/s bus bandwidth, 119.209 MiB over 3 ranks, RDMA"),
        ("n1 → n2", "185 of 200 Gbit/s, 0.05 ms"),
    ]


def test_json_form_contains_messages_as_data():
    form = json.loads(json.dumps(evaluate_fabric(result(mesh(2, 9.4, n2_n1=0.2)), nodes(2), "", Limits()).as_dict()))
    (problem,) = form["problems"]
    assert problem["code"] == "pair-slow"
    revived = Problem.from_dict(problem)
    assert (revived.parameters["sender"], revived.parameters["receiver"]) == ("n2", "n1")
    assert revived.parameters["measured"].parameters["rate"] == "0.2"
    assert Message.from_dict(form["rows"][0]["text"]).parameters["ranks"] == 2


def test_slow_direction_without_a_known_link_rate():
    assert problems(result(mesh(2, 9.4, n2_n1=0.2)), nodes(2)) == [
        "The bandwidth from n2 to n1 is too low: 0.2 Gbit/s, 2 % of the median of all pairs (9.4 Gbit/s; the threshold"
        " is 50 %). Check cable and switch port of both nodes, and the errors in `ip -s link` or `rdma statistic`."
    ]


def test_one_slow_pair():
    assert problems(result(mesh(4, 190, n2_n4=90)), nodes(4, 200, ["mlx5_0:1"]), "rdma") == [
        "The bandwidth from n2 to n4 is too low: 90 Gbit/s, 45 % of the link's rate (200 Gbit/s; the threshold is 70"
        " %). Check cable and switch port of both nodes, and the errors in `ip -s link` or `rdma statistic`."
    ]


def test_node_with_slow_sending():
    slow = mesh(3, 9.4, n2_n1=0.2, n2_n3=0.1)
    assert problems(result(slow), nodes(3)) == [
        "The bandwidth from n2 to all other nodes is too low: 0.1 Gbit/s, 1 % of the median of all pairs (9.4 Gbit/s;"
        " the threshold is 50 %) to n3. Check cable, switch port and adapter of this node."
    ]


def test_node_slow_in_both_directions():
    slow = mesh(4, 9, **{f"n3_{n}": 1 for n in ("n1", "n2", "n4")}, **{f"{n}_n3": 2 for n in ("n1", "n2", "n4")})
    assert [text.split(":")[0] for text in problems(result(slow), nodes(4))] == [
        "The bandwidth from n3 to all other nodes is too low",
        "The bandwidth from all other nodes to n3 is too low",
    ]


def test_all_pairs_slow_is_one_problem():
    (problem,) = problems(result(mesh(3, 20)), nodes(3, 200, ["m:1"]), "rdma")
    assert problem == (
        "The bandwidth of all node pairs is too low: from n1 to n2 20 Gbit/s, 10 % of the link's rate (200 Gbit/s; the"
        " threshold is 70 %). Check what they share: MTU, switches, GPUDirect and the NCCL settings in `inferfleet plan"
        " --json`."
    )


def test_many_slow_pairs_are_counted():
    slow = {f"n{i}_n{i + 1}": float(i) / 10 for i in range(1, 9)}
    found = problems(result(mesh(9, 9, **slow)), nodes(9))
    assert len(found) == 7
    assert found[0].startswith("The bandwidth from n1 to n2 is")
    assert found[-1] == "2 more pairs are too slow; `inferfleet fabric --json` lists all of them."


def test_tcp_has_a_lower_threshold():
    assert problems(result(mesh(2, 40)), nodes(2, 100), "tcp") == []
    assert problems(result(mesh(2, 40)), nodes(2, 100, ["m:1"]), "rdma") != []


def test_thresholds_are_configurable():
    assert problems(result(mesh(2, 9, n2_n1=3)), nodes(2), limits=Limits(median_share=0.2)) == []


def test_one_slow_adapter_of_several():
    speeds = mesh(2, [100.0, 100.0, 100.0, 100.0], n1_n2=[100.0, 30.0, 100.0, 100.0])
    (problem,) = problems(result(speeds, lanes=4), nodes(2, 400, ["m:1"]), "rdma")
    assert problem == (
        "From n1 to n2, local rank 1 reaches 30 Gbit/s; the median of all ranks is 100 Gbit/s. Check the adapter next"
        " to accelerator 1 on both nodes."
    )


def test_oversubscribed_switches():
    (problem,) = problems(result(mesh(4, 190), reduced=80), nodes(4, 200, ["m:1"]), "rdma")
    assert problem.startswith("The all-reduce over all nodes reaches 80 Gbit/s, 40 % of the slowest node's rate (200")


def log(name):
    return (LOGS / f"{name}.log").read_text().splitlines()


def test_nccl_fell_back_to_sockets():
    measured = result(mesh(2, 190), logs={"n1": log("infiniband"), "n2": log("no_verbs")})
    assert problems(measured, nodes(2, 200, ["mlx5_0:1"]), "rdma") == [
        "The plan uses RDMA on n2 (mlx5_0:1), but NCCL uses TCP sockets. NCCL warns: Failed to open"
        " libibverbs.so[.1]. Check that `ibv_devices` in the engine's container lists them and that their ports"
        " are active; `inferfleet check` shows the node's RDMA devices."
    ]


def test_sockets_are_expected_with_tcp():
    assert problems(result(mesh(2, 9), logs={"n1": log("fallback")}), nodes(2, 10), "tcp") == []


def test_missing_gpudirect_adds_a_note():
    measured = result(mesh(2, 190), logs={"n1": log("infiniband"), "n2": log("roce_without_gpudirect")})
    report = evaluate_fabric(measured, nodes(2, 200, ["m:1"]), "rdma", Limits())
    assert report.problems == []
    assert [note.code for note in report.notes] == ["nccl-version", "no-gpudirect"]
    assert str(report.notes[0]) == "NCCL 2.28.9, 2.19.3"
    assert report.notes[1].parameters == {"nodes": ["n2"]}


def test_summary_lists_the_slowest_pairs():
    rows = evaluate_fabric(result(mesh(5, 9, n2_n3=8)), nodes(5), "", Limits()).rows()
    assert str(rows[1][0]) == "n2 → n3"
    assert str(rows[-1][1]) == "and 14 faster pairs, up to 9 Gbit/s"


def test_report_in_chinese():
    report = evaluate_fabric(result(mesh(2, 9.4, n2_n1=0.2)), nodes(2), "", Limits(), connections=78)
    (problem,) = report.problems
    use_language("zh")
    try:
        assert problem.message.startswith("从 n2 到 n1 的带宽过低：0.2 Gbit/s，为所有节点对中位数")
        assert [str(label) for label, _ in report.rows()[:2]] == ["端口", "all-reduce 带宽"]
    finally:
        use_language("en")
