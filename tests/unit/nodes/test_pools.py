"""Docker address pools."""

import pytest

from inferfleet.nodes import PoolError, address_pools, pool_problem


def nodes(*addresses, interface="eth0"):
    return {f"n{i}": [{"name": interface, "addresses": [a]}] for i, a in enumerate(addresses)}


@pytest.mark.parametrize("network", ["10.30.0.0/24", "198.18.5.0/24", ""])
def test_docker_defaults_are_kept_without_overlap(network):
    assert address_pools([], network, nodes("10.30.0.11")) == []


@pytest.mark.parametrize(
    ("network", "addresses", "base"),
    [
        ("172.20.1.0/24", [], "172.24.0.0/13"),
        ("", ["172.30.1.2"], "172.16.0.0/13"),
        ("192.168.1.0/24", ["172.17.0.5", "172.29.0.5"], "192.168.128.0/17"),
        ("192.168.0.0/16", ["172.17.0.5", "172.29.0.5"], "10.224.0.0/12"),
    ],
)
def test_another_pool_is_selected_if_docker_defaults_overlap(network, addresses, base):
    assert address_pools([], network, nodes(*addresses)) == [{"base": base, "size": 24}]


def test_docker_bridges_are_ignored():
    for interface in ("docker0", "br-12ab", "veth1"):
        assert address_pools([], "10.0.0.0/24", nodes("172.17.0.1", interface=interface)) == []


def test_configured_pool_is_used():
    assert address_pools([{"base": "10.99.0.0/16", "size": 24}], "10.0.0.0/24", {}) == [
        {"base": "10.99.0.0/16", "size": 24}
    ]


def test_configured_pool_that_contains_a_node_is_refused():
    with pytest.raises(PoolError) as refused:
        address_pools([{"base": "10.0.0.0/8", "size": 24}], "", nodes("10.30.0.11"))
    assert str(refused.value) == (
        "Variable container_runtime_address_pools has the base 10.0.0.0/8, which contains 10.30.0.11 (eth0 of n0):"
        " containers could not reach that address. Use a network that no node uses, or leave the variable empty to"
        " select one automatically."
    )


def test_invalid_pool_is_refused():
    with pytest.raises(PoolError) as refused:
        address_pools([{"base": "10.99/16", "size": 24}], "10.0.0.0/24", {})
    assert str(refused.value) == (
        "Variable container_runtime_address_pools has the base '10.99/16', which is not an IPv4 network. Write its"
        " first address and prefix length, for example 172.30.0.0/16."
    )


def test_no_unused_network():
    taken = nodes("172.16.0.1", "172.24.0.1", "192.168.200.1", "10.224.0.1", "100.64.0.1")
    with pytest.raises(PoolError) as refused:
        address_pools([], "", taken)
    assert str(refused.value) == (
        "Every private network that Docker could use (172.16.0.0/13, 172.24.0.0/13, 192.168.128.0/17, 10.224.0.0/12,"
        " 100.64.0.0/11) contains an address of the cluster. Set container_runtime_address_pools to an unused network,"
        ' for example [{"base": "10.99.0.0/16", "size": 24}].'
    )


def test_problem_is_returned_as_data():
    problem = pool_problem([{"base": "10.0.0.0/8", "size": 24}], "10.0.0.0/24", nodes())
    assert (problem.code, problem.parameters["base"]) == ("address-pool", "10.0.0.0/8")
    assert str(problem.parameters["holder"]) == "cluster_network 10.0.0.0/24"
    assert pool_problem([], "10.0.0.0/24", nodes()) is None
