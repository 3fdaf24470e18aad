"""keepalived's configuration and the links of the gateways; tests/firewall runs it."""

import re

import pytest

from inferfleet.gateway import Link, link_of, render_keepalived

LINKS = {"n1": Link("eth0", "10.0.0.1"), "n2": Link("bond0", "10.0.0.2"), "n3": Link("eth0", "10.0.0.3")}


def value(config: str, key: str) -> str:
    return re.search(rf"^ *{key} (.*)$", config, re.M)[1]


def test_gateways_differ_in_priority_and_peers():
    configs = {host: render_keepalived(host, LINKS, "10.0.0.100/24", "/check 8404") for host in LINKS}
    assert [int(value(config, "priority")) for config in configs.values()] == [150, 140, 130]
    assert [value(config, "unicast_src_ip") for config in configs.values()] == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    peers = re.search(r"unicast_peer \{(.*?)\}", configs["n2"], re.S)[1].split()
    assert peers == ["10.0.0.1", "10.0.0.3"]
    assert "10.0.0.100/24 dev bond0" in configs["n2"]
    assert len({value(config, "virtual_router_id") for config in configs.values()}) == 1


@pytest.mark.parametrize("address", ["10.0.0.0/31", "10.0.0.254/24", "10.0.0.255/23", "255.255.255.254/24"])
def test_router_id_is_valid(address):
    assert 1 <= int(value(render_keepalived("n1", LINKS, address, "/check"), "virtual_router_id")) <= 255


@pytest.mark.parametrize("host", [*LINKS])
def test_gone_gateway_is_replaced_within_three_seconds(host):
    """RFC 5798, 6.1: three intervals and the skew of the priority; for a dead HAProxy, the checks until it counts."""
    config = render_keepalived(host, LINKS, "10.0.0.100/24", "/check")
    interval, priority = float(value(config, "advert_int")), int(value(config, "priority"))
    skew = (256 - priority) / 256 * interval
    assert 3 * interval + skew < 3
    assert int(value(config, "interval")) * int(value(config, "fall")) + skew < 3


def test_link_is_in_the_network_of_the_virtual_address():
    interfaces = [
        {"name": "ib0", "prefixes": ["192.168.0.1/16"]},
        {"name": "eth0", "prefixes": ["10.0.0.100/24", "10.0.0.1/24"]},
        {"name": "old", "addresses": ["10.0.0.7"]},
    ]
    assert link_of(interfaces, "10.0.0.100/24") == Link("eth0", "10.0.0.1"), "not the address that it may hold"
    assert link_of(interfaces, "10.1.0.100/24") is None
