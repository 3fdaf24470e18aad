"""The rules of a node, from the plans and the variables of all hosts."""

import re
from typing import Any

import pytest
from tests.unit.gateway.plans import plan

from inferfleet.firewall import gateway_deployed, node_addresses, node_rules
from inferfleet.settings import Settings

GROUPS = {"ray_head": ["n1"], "ray_worker": ["n2"], "webui": ["n3"]}
OPTIONS = {"model_weights_port": {"default": 19980}, "other": {"default": 5}}
NODES = {
    "n1": {"address": "10.0.0.1", "role": "head"},
    "n2": {"address": "10.0.0.2", "role": "worker"},
}


def elements(rules: str, name: str) -> list[str]:
    """Return the elements of a set."""
    body = re.search(rf"set {name} {{[^}}]*?elements = {{ (.*) }}", rules)
    return body[1].split(", ") if body else []


def rules(host: str, groups: dict[str, list[str]] | None = None, **changes: Any) -> str:
    hosts: dict[str, dict[str, Any]] = {
        name: {**Settings().model_dump(), "ansible_host": f"192.0.2.{number}"}
        for number, name in enumerate(("n1", "n2", "n3"), 1)
    }
    hosts[host] |= changes.pop("variables", {})
    planned, everywhere = plan("deepseek-r1", "n1", nodes=NODES, executor="ray"), groups or GROUPS
    known = node_addresses(hosts, everywhere, [planned])
    sources = [*(address for found in known.values() for address in found), *changes.pop("networks", ())]
    gateways = changes.pop("gateways", [])
    given = {"gateways": gateways, "fronted": bool(gateways), "options": OPTIONS, **changes}
    return node_rules(host, hosts[host], everywhere, [planned], sources, **given)


@pytest.mark.parametrize("host", ["n1", "n2", "n3"])
def test_all_hosts_of_the_inventory_are_admitted(host):
    assert elements(rules(host), "nodes") == ["10.0.0.1", "10.0.0.2", "192.0.2.1", "192.0.2.2", "192.0.2.3"]


def test_ports_follow_the_planned_role():
    assert "6379-6385" in elements(rules("n1"), "tcp_ports")
    assert "6380-6385" in elements(rules("n2"), "tcp_ports")
    assert elements(rules("n3"), "tcp_ports") == []


def test_head_of_another_replica_is_no_worker():
    second = plan("deepseek-r1", "n2", nodes={"n2": {"address": "10.0.0.2", "role": "head"}}, executor="ray")
    first = plan("deepseek-r1", "n1", nodes={"n1": NODES["n1"]}, executor="ray")
    given = {"gateways": [], "fronted": False, "options": OPTIONS}
    found = node_rules("n2", Settings().model_dump(), GROUPS, [first, second], [], **given)
    assert "6379-6385" in elements(found, "tcp_ports")


def test_gateway_of_any_host_closes_the_api():
    """Also of one that Ansible does not have in the group, because the run does not include it."""
    assert "8000" not in elements(rules("n1"), "tcp_ports")
    assert "8000" in elements(rules("n1", gateways=["n3"]), "tcp_ports")
    assert elements(rules("n3", gateways=["n3"]), "tcp_ports") == ["3000", "8404-8405", "8407", "8412"], (
        "with Open WebUI"
    )


def test_api_stays_open_until_the_gateway_is_deployed():
    assert "8000" not in elements(rules("n1", gateways=["n3"], fronted=False), "tcp_ports")


@pytest.mark.parametrize(
    ("listening", "deployed"),
    [({"8443": "inferfleet"}, True), ({"8443": "nginx"}, False), ({}, False), (None, True)],
)
def test_gateway_is_deployed_where_it_listens(listening, deployed):
    facts = {"inferfleet_node": {"listening": listening}} if listening is not None else {}
    hosts = {
        "n1": {"ansible_facts": {"inferfleet_node": {"listening": {"8443": "inferfleet"}}}},
        "n2": {"ansible_facts": facts},
    }
    assert gateway_deployed(["n1", "n2"], hosts, 8443) is deployed


def test_ports_of_roles_are_closed_on_serving_hosts():
    assert "19980" in elements(rules("n2"), "tcp_ports")
    assert "5" not in elements(rules("n2"), "tcp_ports")
    assert "7777" in elements(rules("n2", variables={"model_weights_port": 7777}), "tcp_ports")


@pytest.mark.parametrize(
    "variables",
    [{"ansible_port": 40022}, {"ansible_facts": {"inferfleet_node": {"listening": {"40022": "sshd", "40023": "x"}}}}],
)
def test_port_of_ssh_is_left_open(variables):
    assert elements(rules("n1", variables=variables), "tcp_ports")[-2:] == ["32768-40021", "40023-60999"]


def test_ephemeral_ports_are_those_of_the_node():
    variables = {"ansible_facts": {"inferfleet_node": {"ephemeral_ports": [40000, 65000]}}}
    assert elements(rules("n1", variables=variables), "tcp_ports")[-1] == "40000-65000"


def test_ports_of_other_programs_and_further_networks():
    variables = {"node_firewall_open_ports": [50000]}
    found = rules("n1", variables=variables, networks=["198.51.100.0/24", "2001:db8::/64"])
    assert elements(found, "tcp_ports")[-2:] == ["32768-49999", "50001-60999"]
    assert "198.51.100.0/24" in elements(found, "nodes")
    assert elements(found, "nodes6") == ["2001:db8::/64"]


@pytest.mark.parametrize(
    ("host", "address", "dropped"), [("n3", "10.0.0.100/24", True), ("n1", "10.0.0.100/24", False), ("n3", "", False)]
)
def test_gateways_with_a_virtual_address_drop_packets_of_vrrp(host: str, address: str, dropped: bool) -> None:
    given = rules(host, gateways=["n3"], variables={"gateway_virtual_address": address})
    assert ("ip protocol 112 counter drop" in given) is dropped
    assert given.index("ip saddr @nodes accept") < given.find("ip protocol 112") or not dropped
