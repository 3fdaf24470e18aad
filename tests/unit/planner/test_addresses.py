"""Address and interface of a node on the cluster network."""

import pytest

from inferfleet.planner import make_plan
from inferfleet.planner.fabric import choose_address
from inferfleet.settings import Settings

NETWORK = "10.30.0.0/24"
INTERFACES = [
    {"name": "eno1", "addresses": ["10.1.0.12"]},
    {"name": "bond0", "addresses": ["10.30.0.12", "10.30.0.99"]},
]
UNKNOWN = ("<address of n1>", "")


def chosen(network="", interfaces=INTERFACES, **node):
    """Return the address and the interface of a node, and the codes of the problems."""
    problems = []
    facts = {} if interfaces is None else {"interfaces": interfaces}
    found = choose_address("n1", {**facts, "address": "10.1.0.12", **node}, network, problems)
    return found if not problems else [problem.code for problem in problems]


@pytest.mark.parametrize(
    ("network", "node", "found"),
    [
        ("", {}, ("10.1.0.12", "eno1")),
        (NETWORK, {}, ("10.30.0.12", "bond0")),
        ("10.0.0.0/8", {}, ("10.1.0.12", "eno1")),  # ansible_host is preferred
        (NETWORK, {"address": "gpu.example.com"}, ("10.30.0.12", "bond0")),
        (NETWORK, {"address": "fd00:30::12"}, ("10.30.0.12", "bond0")),
        (NETWORK, {"interface": "bond0"}, ("10.30.0.12", "bond0")),
        ("", {"interface": "bond0"}, ("10.30.0.12", "bond0")),
        ("", {"interface": "bond0", "address": "10.30.0.99"}, ("10.30.0.99", "bond0")),
        ("", {"address": "10.30.0.99", "cluster_address": "10.30.0.99"}, ("10.30.0.99", "bond0")),
        (NETWORK, {"interface": "eno1"}, ["interface-missing"]),
        ("", {"interface": "bond1"}, ["interface-missing"]),
        ("", {"address": "gpu.example.com"}, ["interface-missing"]),
        ("10.40.0.0/24", {}, ["interface-missing"]),
        ("10.0.0.0/8", {"address": "gpu.example.com"}, ["interface-missing"]),
        ("", {"address": "10.30.0.12", "cluster_address": "10.30.0.12", "interface": "eno1"}, ["interface-missing"]),
    ],
)
def test_address_on_the_interface(network, node, found):
    assert chosen(network, **node) == found


@pytest.mark.parametrize(
    ("network", "node", "found"),
    [
        ("", {}, ("10.1.0.12", "")),
        ("10.1.0.0/24", {"interface": "eno1"}, ("10.1.0.12", "eno1")),
        (NETWORK, {}, UNKNOWN),
        (NETWORK, {"address": "gpu.example.com"}, UNKNOWN),
        (NETWORK, {"address": "10.30.0.12", "cluster_address": "10.30.0.12"}, ("10.30.0.12", "")),
    ],
)
def test_address_before_the_node_reports_its_interfaces(network, node, found):
    assert chosen(network, interfaces=None, **node) == found


def test_plan_uses_one_address_for_ray_the_engine_and_nccl():
    nodes = {
        f"n{number}": {
            "role": "worker" if number > 1 else "head",
            "address": f"10.1.0.{number}",
            "interfaces": [
                {"name": "eno1", "addresses": [f"10.1.0.{number}"]},
                {"name": "bond0", "addresses": [f"10.30.0.{number}"]},
            ],
            "routes": {f"10.1.0.{3 - number}": {"interface": "eno1"}},
        }
        for number in (1, 2)
    }
    plan = make_plan(
        Settings(
            accelerator="A800-80G", cluster_network=NETWORK, model="deepseek-r1-distill-llama-70b", executor="ray"
        ),
        nodes,
    )
    assert plan.problems == []
    for name, address in (("n1", "10.30.0.1"), ("n2", "10.30.0.2")):
        node = plan.nodes[name]
        assert (node.address, node.interface, node.env["VLLM_HOST_IP"]) == (address, "bond0", address)
        assert node.env["NCCL_SOCKET_IFNAME"] == "=bond0"
        assert f"--node-ip-address={address}" in node.ray_argv
    assert "--address=10.30.0.1:6379" in plan.nodes["n2"].ray_argv
    assert not {"address-unknown", "route-differs"} & {warning.code for warning in plan.warnings}


def test_default_number_of_sequences_does_not_exceed_the_batch():
    nodes = {"n1": {"role": "head", "address": "10.0.0.1"}}
    plan = make_plan(Settings(accelerator="H200-141G", executor="mp", max_num_batched_tokens=512), nodes)
    assert (plan.problems, plan.max_num_seqs) == ([], 512)


def test_unused_peer_ports_are_free():
    nodes = {f"n{i}": {"role": "worker" if i else "head", "address": f"10.0.0.{i + 1}"} for i in range(2)}
    ray = Settings(accelerator="H800-80G", executor="ray", engine_port=29501)
    assert make_plan(ray, nodes).problems == []
    single = Settings(accelerator="H200-141G", executor="mp", engine_port=29501)
    assert make_plan(single, {"n0": nodes["n0"]}).problems == []


@pytest.mark.parametrize("on_bus", [[], ["0000:10:00.0"]])
def test_node_without_accelerators_while_the_driver_is_missing(on_bus):
    facts = {"accelerators": [], "pci": {"accelerators": on_bus, "switches": []}}
    nodes = {
        "n0": {"role": "head", "address": "10.0.0.1", **facts},
        "n1": {"role": "worker", "address": "10.0.0.2", **facts},
    }
    settings = Settings(accelerator="H800-80G", accelerators_per_node=1, model="deepseek-r1-distill-qwen-7b")
    assert make_plan(settings, nodes).problems == []
