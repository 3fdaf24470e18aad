"""fabric_facts with the sysfs of described machines, and with a faulty `ip`."""

import json

import pytest
from hardware import load_module
from tests.machines import build

module = load_module("fabric_facts")


@pytest.fixture
def facts(run, tmp_path):
    """Read a described machine, with the module as a program."""

    def read(name, peers=()):
        sysfs, tools = build(name, tmp_path)
        result = run("fabric_facts", path=f"{tools}:/usr/bin:/bin", sysfs=str(sysfs), peers=list(peers))
        assert result["changed"] is False
        found = result["ansible_facts"]["inferfleet_fabric"]
        assert found["problems"] == []
        return found

    return read


def device(found, name):
    return next(item for item in found["rdma"] if item["name"] == name)


def interface(found, name):
    return next(item for item in found["interfaces"] if item["name"] == name)


def nearest(found, kinds=("PIX", "PXB")):
    """Return the accelerators near each RDMA device, by its name."""
    near = {d["name"]: [a for a, how in d["affinity"].items() if how in kinds] for d in found["rdma"]}
    return {name: addresses for name, addresses in near.items() if addresses}


def test_infiniband_devices(facts):
    found = facts("infiniband")
    assert [d["name"] for d in found["rdma"]] == [f"mlx5_{n}" for n in range(12)]
    compute = device(found, "mlx5_0")
    assert (compute["pci_address"], compute["numa_node"]) == ("0000:18:00.0", 0)
    assert compute["ports"] == [
        {
            "port": 1,
            "state": "ACTIVE",
            "physical_state": "LinkUp",
            "link_layer": "InfiniBand",
            "rate_gbps": 400,
            "interfaces": ["ibp24s0"],
            "gids": [
                {
                    "index": 0,
                    "gid": "fe80:0000:0000:0000:a088:c203:0055:0018",
                    "type": "IB/RoCE v1",
                    "address": "",
                    "interface": "",
                }
            ],
        }
    ]
    dead = device(found, "mlx5_9")["ports"][0]
    assert (dead["state"], dead["physical_state"]) == ("DOWN", "Disabled")


def test_infiniband_affinity(facts):
    found = facts("infiniband")
    gpus = ["1b", "43", "52", "61", "9d", "c3", "d1", "df"]
    assert found["accelerators_pci"] == [f"0000:{bus}:00.0" for bus in gpus]  # and not the board's own screen
    compute = [f"mlx5_{n}" for n in (0, 3, 4, 5, 6, 9, 10, 11)]
    assert nearest(found) == {name: [f"0000:{bus}:00.0"] for name, bus in zip(compute, gpus, strict=True)}
    storage = device(found, "mlx5_1")["affinity"]
    assert [storage[f"0000:{bus}:00.0"] for bus in gpus] == ["NODE"] * 4 + ["SYS"] * 4


def test_roce(facts):
    found = facts("roce", peers=["10.50.0.12", "192.0.2.1", "head.example.com"])
    port = device(found, "mlx5_0")["ports"][0]
    assert (port["link_layer"], port["rate_gbps"]) == ("Ethernet", 200)
    assert port["interfaces"] == ["ens1np0", "ens1np0.100"]
    assert [(g["index"], g["type"], g["address"]) for g in port["gids"][1:4]] == [
        (1, "RoCE v2", ""),
        (2, "IB/RoCE v1", "192.168.100.11"),
        (3, "RoCE v2", "192.168.100.11"),
    ]
    assert sorted(nearest(found)) == ["mlx5_0", "mlx5_1", "mlx5_2", "mlx5_4", "mlx5_5"]
    assert [d["name"] for d in found["rdma"] if d["virtual_function"]] == ["mlx5_5"]
    assert set(device(found, "mlx5_3")["affinity"].values()) == {"NODE", "SYS"}
    assert found["routes"] == {"10.50.0.12": {"interface": "ens1np0.100", "source": "10.50.0.11", "via": ""}}
    vlan = interface(found, "ens1np0.100")
    assert (vlan["prefixes"], vlan["pci_address"], vlan["speed_mbps"]) == (["10.50.0.11/24"], "", 200000)


def test_bonded(facts):
    found = facts("bonded", peers=["10.96.83.27"])
    bond, member = interface(found, "bond0"), interface(found, "ens10f1np1")
    assert (bond["bond_mode"], bond["bond_members"]) == ("802.3ad", ["ens10f0np0", "ens10f1np1"])
    assert (bond["speed_mbps"], bond["mtu"], bond["addresses"]) == (400000, 4200, ["10.96.83.26"])
    assert (member["bond"], member["pci_address"]) == ("bond0", "0000:20:00.1")
    assert device(found, "mlx5_bond_0")["ports"][0]["interfaces"] == ["bond0"]
    assert device(found, "mlx5_bond_0")["affinity"] == {"0000:1a:00.0": "PXB", "0000:9c:00.0": "SYS"}
    assert found["routes"]["10.96.83.27"]["interface"] == "bond0"


def test_without_rdma(facts):
    found = facts("ethernet")
    assert found["rdma"] == []
    assert len(found["accelerators_pci"]) == 4
    assert interface(found, "ens5f1")["speed_mbps"] == 0  # the kernel reports -1 without a link
    assert interface(found, "ens5f0")["pci_address"] == "0000:3b:00.0"
    assert module.rdma("/nonexistent", {}) == []


def test_speed_of_virtual_interfaces_is_that_of_the_devices_below(facts):
    found = facts("bridged")
    speeds = {name: interface(found, name)["speed_mbps"] for name in ("eno1", "br0", "br0.7", "veth1", "docker0")}
    assert speeds == {"eno1": 1000, "br0": 1000, "br0.7": 1000, "veth1": 0, "docker0": 0}


@pytest.mark.parametrize(
    ("one", "other", "same_numa", "expected"),
    [
        ("pci0:0/01.0/a/b1/gpu", "pci0:0/01.0/a/b2/nic", True, "PIX"),
        ("pci0:0/01.0/a/b1/c/d/gpu", "pci0:0/01.0/a/b2/nic", True, "PXB"),
        ("pci0:0/01.0/gpu", "pci0:0/02.0/nic", True, "PHB"),
        ("pci0:0/01.0/gpu", "pci1:0/01.0/nic", True, "NODE"),
        ("pci0:0/01.0/gpu", "pci1:0/01.0/nic", False, "SYS"),
    ],
)
def test_distance(one, other, same_numa, expected):
    assert module.distance(one.split("/"), other.split("/"), same_numa) == expected
    assert module.distance(other.split("/"), one.split("/"), same_numa) == expected


@pytest.mark.parametrize(
    ("text", "rate"),
    [("200 Gb/sec (4X HDR)", 200), ("2.5 Gb/sec (1X SDR)", 2), ("", 0), ("fast", 0), ("800 Gb/sec (4X XDR)", 800)],
)
def test_rates(text, rate):
    assert module.rate_gbps(text) == rate


@pytest.mark.parametrize("text", ["", "{}", "[1]", "null", "x"])
def test_invalid_output_of_ip(text):
    with pytest.raises(ValueError, match=r"list|Expecting"):
        module.parse_links(text)


@pytest.mark.parametrize("text", ["", "x\n[1]\nnull\n{}", '[{"dev": "eth0"}]'])
def test_invalid_routes(text):
    assert module.parse_routes(text) == {}


def test_route_through_a_gateway():
    line = json.dumps([{"dst": "10.9.0.1", "gateway": "10.0.0.254", "dev": "eth0", "prefsrc": "10.0.0.1"}])
    assert module.parse_routes(line)["10.9.0.1"] == {"interface": "eth0", "source": "10.0.0.1", "via": "10.0.0.254"}


def test_the_real_ip(run):
    found = run("fabric_facts", peers=["127.0.0.1"])["ansible_facts"]["inferfleet_fabric"]
    assert found["routes"]["127.0.0.1"] == {"interface": "lo", "source": "127.0.0.1", "via": ""}


def test_without_a_working_ip(run, tool, tmp_path):
    ip = tool("ip", "echo broken; exit 3")
    result = run("fabric_facts", path=f"{ip.rpartition('/')[0]}:/usr/bin:/bin", sysfs=str(tmp_path / "sys"))
    found = result["ansible_facts"]["inferfleet_fabric"]
    assert found["interfaces"] == []
    assert [p["code"] for p in found["problems"]] == ["ip-failed"]
