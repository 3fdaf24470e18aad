"""Addresses of the cluster's hosts, and the rules with them."""

import pytest

from inferfleet.firewall import node_addresses, render_rules, unknown_addresses

INTERFACES = [
    {"name": "eth0", "addresses": ["10.1.0.7"]},
    {"name": "eth1", "addresses": ["10.2.0.7"]},
    {"name": "docker0", "addresses": ["172.17.0.1"]},
    {"name": "br-0a1b2c3d", "addresses": ["172.18.0.1"]},
]


@pytest.mark.parametrize(
    ("variables", "planned", "addresses"),
    [
        ({"ansible_host": "10.0.0.1"}, [], ["10.0.0.1"]),
        ({"ansible_host": "192.0.2.1", "cluster_address": "10.0.0.1"}, ["10.0.0.1"], ["10.0.0.1", "192.0.2.1"]),
        ({"ansible_host": "2001:db8::1"}, ["10.0.0.1"], ["10.0.0.1", "2001:db8::1"]),
        ({"ansible_host": "fe80::1%eth0"}, [], ["fe80::1"]),
        ({"ansible_host": "gpu1.example.com"}, ["10.0.0.1"], ["10.0.0.1"]),
        ({"ansible_host": "203.0.113.7", "interfaces": INTERFACES}, [], ["203.0.113.7", "10.1.0.7", "10.2.0.7"]),
        ({"ansible_host": "gpu1.example.com", "interfaces": INTERFACES}, [], ["10.1.0.7", "10.2.0.7"]),
        ({"ansible_host": "127.0.0.1", "interfaces": INTERFACES}, [], ["10.1.0.7", "10.2.0.7"]),
        ({"ansible_host": "localhost", "interfaces": INTERFACES}, ["127.0.0.1"], ["10.1.0.7", "10.2.0.7"]),
        ({}, [], []),
    ],
)
def test_addresses_of_a_host(variables, planned, addresses):
    plans = [{"nodes": {"n1": {"address": address}}} for address in planned]
    facts = {"inferfleet_node": {"interfaces": variables.pop("interfaces", [])}}
    found = node_addresses({"n1": variables | {"ansible_facts": facts}}, {"ray_head": ["n1"]}, plans)
    assert found == {"n1": addresses}


def test_host_named_by_its_address():
    assert node_addresses({"10.0.0.1": {}}, {"webui": ["10.0.0.1"]}, []) == {"10.0.0.1": ["10.0.0.1"]}


def test_hosts_of_unknown_address_are_a_problem():
    hosts = {"n1": {"ansible_host": "10.0.0.1"}, "n2": {"ansible_host": "web"}}
    addresses = node_addresses(hosts, {"ray_head": ["n1"], "webui": ["n2"]}, [])
    found = [(problem.code, problem.parameters) for problem in unknown_addresses(addresses)]
    assert found == [("address-unknown", {"hosts": ["n2"]})]


def test_address_of_a_single_host_is_not_needed():
    assert unknown_addresses({"n1": []}) == []


def test_rules_admit_sources_of_both_families_once():
    rules = render_rules({"tcp": [(8000, 8000)], "udp": []}, ["10.0.0.7", "10.0.0.0/24", "2001:db8::1", "10.0.0.7"])
    assert "elements = { 10.0.0.0/24 }" in rules
    assert "elements = { 2001:db8::1 }" in rules


def test_rules_have_no_empty_list_of_elements():
    assert "elements" not in render_rules({"tcp": [], "udp": []}, [])
