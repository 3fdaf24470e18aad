"""TCP ports that must be reachable between the nodes."""

import re

import pytest

from inferfleet.fabric import ephemeral_ports, mesh_ports
from inferfleet.planner import make_plan
from inferfleet.settings import Settings

CONTRACT = {
    "engine": "vllm",
    "engine_port": 8000,
    "ray_port": 6379,
    "ray_dashboard_port": 8265,
    "node_firewall": True,
    "supervisor_enabled": True,
    "gateway_virtual_address": "",
    "monitoring_dcgm_image": "",
    "data_parallel_size": 1,
}
GROUPS = {True: ["ray_head"], False: ["ray_worker"]}
ANY = [8406, 29450, 32768, 46883, 60999]  # of the supervisor, the measurement, and the ephemeral ports


@pytest.mark.parametrize(
    ("head", "contract", "ports"),
    [
        (True, {"executor": "ray"}, [*range(6379, 6386), 8000, 20000, 20499, 20999, *ANY]),
        (False, {"executor": "ray"}, [*range(6380, 6386), 20000, 20499, 20999, *ANY]),
        (True, {"executor": "mp"}, [8000, 29501, *ANY]),
        (True, {"executor": "mp", "data_parallel_size": 2}, [8000, 29501, 29550, *ANY]),
        (False, {"executor": "mp"}, ANY),
        (True, {"executor": "mp", "engine": "sglang"}, [8000, 20000, *ANY]),
        (True, {"executor": "mp", "engine": "tensorrt-llm"}, [8000, *ANY]),
        (False, {"executor": "mp", "engine": "tensorrt-llm"}, [29550, *ANY]),
        (
            False,
            {"executor": "mp", "engine": "gpustack"},
            [10150, 10151, 40000, 40499, 40999, 41000, 41499, 41999, 52365, *ANY],
        ),
    ],
)
def test_ports(head, contract, ports):
    assert mesh_ports({**CONTRACT, **contract}, GROUPS[head], 29450) == sorted(ports)


@pytest.mark.parametrize(
    ("engine", "option", "on_head", "contract"),
    [
        ("vllm", r"--data-parallel-rpc-port (\d+)", True, {"executor": "mp", "data_parallel_size": 2}),
        ("sglang", r"--dist-init-addr \S+:(\d+)", True, {}),
        ("tensorrt-llm", r"launch.py listen \S+ (\d+)", False, {}),
    ],
)
def test_ports_of_the_command_line_are_included(engine, option, on_head, contract):
    nodes = {f"n{i}": {"role": "worker" if i else "head", "address": f"10.0.0.{i + 1}"} for i in range(2)}
    settings = {"engine": engine, "accelerator": "H800-80G", "engine_port": 8000, "max_model_len": 32768, **contract}
    plan = make_plan(Settings(**settings), nodes)
    named = re.search(option, " ".join(plan.nodes["n0" if on_head else "n1"].argv))
    keys = {**CONTRACT, "engine": engine, "executor": plan.executor, "data_parallel_size": plan.data_parallel_size}
    assert int(named[1]) in mesh_ports(keys, GROUPS[on_head], 29450)


def test_ephemeral_ports_are_read_on_the_node():
    facts = {"ansible_facts": {"inferfleet_node": {"ephemeral_ports": [40000, 65000]}}}
    span = ephemeral_ports(facts)
    ports = mesh_ports(CONTRACT | {"engine": "vllm", "executor": "mp"}, GROUPS[True], 29450, ephemeral=span)
    assert {40000, 52500, 65000} < {*ports}
    assert 32768 not in ports
    assert ephemeral_ports({"ansible_facts": {"inferfleet_node": {}}}) == (32768, 60999), "facts of an earlier version"
