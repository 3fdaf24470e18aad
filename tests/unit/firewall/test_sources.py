"""Addresses of the cluster's hosts, and the rules with them."""

from ipaddress import ip_address

import pytest

from inferfleet.firewall import node_addresses, render_rules
from inferfleet.firewall.sources import unknown_address

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
        ({"ansible_host": "gpu1.example.com", "interfaces": INTERFACES}, [], ["10.1.0.7", "10.2.0.7"]),
        ({"ansible_host": "127.0.0.1", "interfaces": INTERFACES}, [], ["10.1.0.7", "10.2.0.7"]),
        ({"ansible_host": "localhost", "interfaces": INTERFACES}, ["127.0.0.1"], ["10.1.0.7", "10.2.0.7"]),
        ({}, [], []),
    ],
)
def test_addresses_of_a_host(variables, planned, addresses):
    plans = [{"nodes": {"n1": {"address": address}}} for address in planned]
    assert node_addresses({"n1": variables}, plans) == {"n1": [ip_address(address) for address in addresses]}


def test_host_named_by_its_address():
    assert node_addresses({"10.0.0.1": {}}, []) == {"10.0.0.1": [ip_address("10.0.0.1")]}


@pytest.mark.parametrize(("host", "unknown"), [("n1", ["n2"]), ("n2", None), ("n3", ["n2"])])
def test_other_host_of_unknown_address_is_a_problem(host, unknown):
    addresses = node_addresses({"n1": {"ansible_host": "10.0.0.1"}, "n2": {"ansible_host": "web"}}, [])
    found = [(problem.code, problem.parameters["unknown"]) for problem in unknown_address(host, addresses)]
    assert found == ([("address-unknown", unknown)] if unknown else [])


def test_rules_admit_sources_of_both_families_once():
    rules = render_rules({"tcp": [(8000, 8000)], "udp": []}, ["10.0.0.7", "10.0.0.0/24", "2001:db8::1", "10.0.0.7"])
    assert "elements = { 10.0.0.0/24 }" in rules
    assert "elements = { 2001:db8::1 }" in rules


def test_rules_have_no_empty_list_of_elements():
    assert "elements" not in render_rules({"tcp": [], "udp": []}, [])
