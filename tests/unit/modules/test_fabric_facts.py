"""fabric_facts on recorded sysfs trees."""

import json

import pytest
from hardware import FIXTURES, load_module

SYSFS = FIXTURES / "sysfs"
module = load_module("fabric_facts")


def test_infiniband():
    devices = module.rdma(str(SYSFS / "ib"))
    assert [(d["name"], d["numa_node"]) for d in devices] == [("mlx5_0", 0), ("mlx5_1", 1)]
    assert devices[0]["ports"] == [
        {
            "port": 1,
            "state": "ACTIVE",
            "link_layer": "InfiniBand",
            "rate_gbps": 200,
            "interfaces": ["ib0"],
            "gids": [{"index": 0, "gid": "fe80:0000:0000:0000:0ac0:ebff:fe12:3456", "type": "IB/RoCE v1"}],
        }
    ]
    assert devices[1]["ports"][0]["state"] == "DOWN"


def test_roce():
    port = module.rdma(str(SYSFS / "roce"))[0]["ports"][0]
    assert (port["link_layer"], port["rate_gbps"], port["interfaces"]) == ("Ethernet", 100, ["ens0f0np0"])
    assert [(g["index"], g["type"]) for g in port["gids"]] == [(0, "IB/RoCE v1"), (3, "RoCE v2")]


def test_no_rdma():
    assert module.rdma(str(SYSFS / "plain")) == []
    assert module.rdma("/nonexistent") == []


def test_interfaces():
    links = [
        {"ifname": "lo", "flags": ["LOOPBACK", "UP"], "mtu": 65536, "addr_info": []},
        {
            "ifname": "bond0",
            "flags": ["UP"],
            "mtu": 9000,
            "addr_info": [{"family": "inet", "local": "10.0.0.1"}, {"family": "inet6", "local": "fe80::1"}],
        },
        {"ifname": "ens0f0np0", "flags": [], "mtu": 1500},
    ]
    found = module.interfaces(str(SYSFS / "roce"), links)
    assert [i["name"] for i in found] == ["bond0", "ens0f0np0"]
    assert found[0]["addresses"] == ["10.0.0.1"]
    assert (found[0]["mtu"], found[0]["speed_mbps"], found[0]["up"]) == (9000, 50000, True)
    assert (found[1]["numa_node"], found[1]["up"], found[1]["bond"]) == (0, False, "")


def test_unknown_speed_is_none():
    links = [{"ifname": "eth0", "flags": ["UP"], "mtu": 1500}]
    assert module.interfaces(str(SYSFS / "plain"), links)[0]["speed_mbps"] == 0


@pytest.mark.parametrize("text", ["", "{}", "[1]", "null", "x"])
def test_ip_that_answers_garbage(text):
    with pytest.raises(ValueError, match=r"list|Expecting"):
        module.parse_links(text)


def test_as_a_module(run, tool):
    ip = tool("ip", f"echo '{json.dumps([{'ifname': 'bond0', 'flags': ['UP'], 'mtu': 1500, 'addr_info': []}])}'")
    result = run("fabric_facts", path=f"{ip.rpartition('/')[0]}:/usr/bin:/bin", sysfs=str(SYSFS / "ib"))
    facts = result["ansible_facts"]["inferfleet_fabric"]
    assert [i["name"] for i in facts["interfaces"]] == ["bond0"]
    assert len(facts["rdma"]) == 2
    assert facts["problems"] == []


def test_without_a_working_ip(run, tool):
    ip = tool("ip", "echo broken; exit 3")
    result = run("fabric_facts", path=f"{ip.rpartition('/')[0]}:/usr/bin:/bin", sysfs=str(SYSFS / "ib"))
    facts = result["ansible_facts"]["inferfleet_fabric"]
    assert facts["interfaces"] == []
    assert [p["code"] for p in facts["problems"]] == ["ip-failed"]
