"""Network configuration derived for described machines."""

import subprocess
from dataclasses import replace

import pytest
from tests.machines import build
from tests.unit.modules.hardware import load_module

from inferfleet.planner.fabric import derive_fabric, read_ports
from inferfleet.planner.fabric.gids import automatic_gid, gid_index, nccl_chooses_gid
from inferfleet.planner.fabric.interfaces import match_interface
from inferfleet.planner.fabric.rdma import choose_layer, choose_ports, match_hca
from inferfleet.planner.fleet import Node
from inferfleet.planner.make import make_plan
from inferfleet.settings import Settings

fabric_facts = load_module("fabric_facts")
CONTRACT = Settings(accelerator="H800-80G", cluster_network="10.0.0.0/8")


def machine_facts(name, folder):
    """Return the facts of a described machine, as the module reads them."""
    sysfs, tools = build(name, folder)
    shown = subprocess.run([tools / "ip", "-json", "address", "show"], capture_output=True, text=True, check=True)
    near = fabric_facts.accelerators(str(sysfs))
    return {
        "interfaces": fabric_facts.interfaces(str(sysfs), fabric_facts.parse_links(shown.stdout)),
        "rdma": fabric_facts.rdma(str(sysfs), near),
    }


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """Return the facts of a described machine by its name."""
    return lambda name: machine_facts(name, tmp_path_factory.mktemp(name))


def member(name, facts, interface, address="10.0.0.1"):
    return Node(
        name, "worker", address, "H800-80G", 8, interface=interface, ports=read_ports(facts["rdma"]), facts=facts
    )


def pair(facts, interface, other=None, **given):
    """Return two nodes, of the same kind by default; `given` are keys of the first."""
    first = {**facts, **given}
    return [member("n1", first, interface), member("n2", other or facts, interface, "10.0.0.2")]


def test_infiniband(machine):
    fabric, problems = derive_fabric(CONTRACT, pair(machine("infiniband"), "eno3"), "nvidia")
    assert problems == []
    assert fabric.env("n1") == {
        "NCCL_SOCKET_IFNAME": "=eno3",
        "GLOO_SOCKET_IFNAME": "eno3",
        "NCCL_IB_HCA": "=mlx5_0:1,mlx5_3:1,mlx5_4:1,mlx5_5:1,mlx5_6:1,mlx5_10:1,mlx5_11:1",
    }
    assert (fabric.transport, fabric.nodes["n1"].link_gbps) == ("rdma", 2800)
    [idle] = [w for w in fabric.warnings if w.parameters.get("node") == "n1"]
    assert (idle.code, idle.parameters["port"], idle.parameters["accelerator"], str(idle.parameters["why"])) == (
        "rdma-port-idle",
        "mlx5_9:1",
        "0000:c3:00.0",
        "is not active",
    )


def test_roce(machine):
    fabric, problems = derive_fabric(CONTRACT, pair(machine("roce"), "ens1np0.100"), "nvidia")
    assert problems == []
    # Only one of the four ports has an address in the cluster network, so NCCL's default GID is kept.
    assert fabric.env("n1") == {
        "NCCL_SOCKET_IFNAME": "=ens1np0.100",
        "GLOO_SOCKET_IFNAME": "ens1np0.100",
        "NCCL_IB_HCA": "=mlx5_0:1,mlx5_1:1,mlx5_2:1,mlx5_4:1",
    }
    assert fabric.warnings == ()


def test_bonded(machine):
    fabric, _ = derive_fabric(CONTRACT, pair(machine("bonded"), "bond0"), "nvidia")
    assert fabric.env("n1")["NCCL_IB_HCA"] == "=mlx5_bond_0:1,mlx5_bond_1:1"
    assert fabric.uses_rdma


def test_ethernet(machine):
    fabric, _ = derive_fabric(CONTRACT, pair(machine("ethernet"), "ens5f0"), "nvidia")
    assert fabric.env("n1") == {
        "NCCL_SOCKET_IFNAME": "=ens5f0",
        "GLOO_SOCKET_IFNAME": "ens5f0",
        "NCCL_IB_DISABLE": "1",
    }
    assert (fabric.transport, fabric.uses_rdma, fabric.nodes["n1"].link_gbps) == ("tcp", False, 10)


def test_different_interface_names(machine):
    nodes = [member("n1", machine("infiniband"), "eno3"), member("n2", machine("infiniband"), "ibp24s0", "10.41.0.11")]
    fabric, problems = derive_fabric(CONTRACT, nodes, "nvidia")
    assert problems == []
    assert [fabric.env(n)["GLOO_SOCKET_IFNAME"] for n in ("n1", "n2")] == ["eno3", "ibp24s0"]


def test_one_node_without_rdma_disables_rdma(machine):
    nodes = [member("n1", machine("roce"), "ens1np0"), member("n2", machine("ethernet"), "ens5f0", "10.0.0.2")]
    fabric, problems = derive_fabric(CONTRACT, nodes, "nvidia")
    assert problems == []
    assert [fabric.env(n).get("NCCL_IB_DISABLE") for n in ("n1", "n2")] == ["1", "1"]
    assert not fabric.uses_rdma
    assert fabric.warnings[0].code == "rdma-on-some"
    assert fabric.warnings[0].parameters == {"able": ["n1"], "without": ["n2"], "first": "n2"}


def test_no_common_link_layer(machine):
    infiniband = machine("infiniband")
    infiniband["rdma"] = [d for d in infiniband["rdma"] if d["name"] == "mlx5_0"]
    nodes = [member("n1", machine("roce"), "ens1np0"), member("n2", infiniband, "eno3", "10.0.0.2")]
    fabric, _ = derive_fabric(CONTRACT, nodes, "nvidia")
    assert fabric.transport == "tcp"
    assert fabric.warnings[0].code == "no-common-link-layer"


def test_different_mtu(machine):
    facts = machine("bonded")
    small = {**facts, "interfaces": [{**i, "mtu": 1500} for i in facts["interfaces"]]}
    fabric, _ = derive_fabric(CONTRACT, pair(facts, "bond0", small), "nvidia")
    [differs] = fabric.warnings
    assert (differs.code, differs.parameters["largest"], differs.parameters["interface"]) == (
        "mtu-differs",
        4200,
        "bond0",
    )
    assert [str(part) for part in differs.parameters["shown"]] == [
        "1500 bytes on bond0 of n2",
        "4200 bytes on bond0 of n1",
    ]


def test_route_through_another_interface(machine):
    routes = {"10.0.0.2": {"interface": "bond1", "source": "10.97.83.26", "via": ""}}
    fabric, _ = derive_fabric(CONTRACT, pair(machine("bonded"), "bond0", routes=routes), "nvidia")
    [differs] = fabric.warnings
    assert differs.code == "route-differs"
    assert differs.parameters == {"node": "n1", "peer": "10.0.0.2", "other": "bond1", "interface": "bond0"}


def test_configured_ports_override(machine):
    nodes = pair(machine("infiniband"), "eno3", cluster_rdma="mlx5_1, mlx5_7:1")
    fabric, problems = derive_fabric(CONTRACT, nodes, "nvidia")
    assert problems == []
    assert fabric.env("n1")["NCCL_IB_HCA"] == "=mlx5_1:1,mlx5_7:1"
    assert fabric.env("n2")["NCCL_IB_HCA"].startswith("=mlx5_0:1,mlx5_3:1")
    [uneven] = [warning for warning in fabric.warnings if warning.code == "rdma-uneven"]
    assert [part.parameters for part in uneven.parameters["shown"]] == [
        {"count": 2, "rate": 400, "node": "n1"},
        {"count": 7, "rate": 2800, "node": "n2"},
    ]


def test_cluster_rdma_none_forces_tcp(machine):
    fabric, problems = derive_fabric(CONTRACT, pair(machine("roce"), "ens1np0", cluster_rdma="none"), "nvidia")
    assert (problems, fabric.transport, fabric.warnings) == ([], "tcp", ())


def test_configured_ports_without_facts():
    nodes = [
        Node(name, "worker", f"10.0.0.{n}", "H800-80G", 8, facts={"cluster_rdma": "mlx5_0"})
        for n, name in ((1, "n1"), (2, "n2"))
    ]
    fabric, problems = derive_fabric(CONTRACT, nodes, "nvidia")
    assert problems == []
    assert fabric.env("n2")["NCCL_IB_HCA"] == "=mlx5_0:1"


def test_disabled_rdma_is_a_warning(machine):
    contract = CONTRACT.model_copy(update={"engine_extra_env": {"NCCL_IB_DISABLE": "1"}})
    fabric, problems = derive_fabric(contract, pair(machine("bonded"), "bond0"), "nvidia")
    assert problems == []
    assert (fabric.warnings[-1].code, fabric.warnings[-1].parameters) == ("rdma-disabled", {"value": "1"})


def test_no_warnings_without_facts():
    nodes = [Node(f"n{n}", "worker", f"10.0.0.{n}", "H800-80G", 8) for n in (1, 2)]
    fabric, problems = derive_fabric(CONTRACT, nodes, "nvidia")
    assert (fabric.env("n1"), fabric.transport, fabric.warnings, problems) == ({}, "", (), [])


def test_single_node_needs_no_rdma(machine):
    fabric, _ = derive_fabric(CONTRACT, pair(machine("infiniband"), "eno3")[:1], "nvidia")
    assert fabric.env("n1") == {"NCCL_SOCKET_IFNAME": "=eno3", "GLOO_SOCKET_IFNAME": "eno3"}


@pytest.mark.parametrize(
    ("vendor", "names"),
    [
        ("ascend", {"HCCL_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME"}),
        ("vastai", {"GLOO_SOCKET_IFNAME"}),
        ("cpu", {"NCCL_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME"}),
    ],
)
def test_other_vendors(machine, vendor, names):
    fabric, _ = derive_fabric(CONTRACT, pair(machine("roce"), "ens1np0"), vendor)
    assert fabric.env("n1").keys() == names
    assert not fabric.uses_rdma


def test_fabric_in_the_plan(machine):
    nodes = {
        f"n{n}": {**machine("bonded"), "role": "worker" if n else "head", "address": "10.96.83.26", "name": f"n{n}"}
        for n in (0, 1)
    }
    plan = make_plan(CONTRACT, nodes)
    node = plan.nodes["n1"]
    assert (plan.transport, node.rdma, node.link_gbps) == ("rdma", ["mlx5_bond_0:1", "mlx5_bond_1:1"], 400)
    assert node.env["NCCL_IB_HCA"] == "=mlx5_bond_0:1,mlx5_bond_1:1"
    assert node.devices[-1] == "/dev/infiniband"
    assert plan.container.cap_add == ("IPC_LOCK",)
    assert plan.container.ulimits == ("memlock=-1:-1", "stack=67108864:67108864")
    assert plan.container.ipc_mode == "host"


def ports(*described):
    """Return ports from (device, rate, {accelerator: distance})."""
    return [
        replace(port, rate_gbps=rate, affinity=affinity)
        for name, rate, affinity in described
        for port in read_ports([{"name": name, "ports": [{"port": 1, "state": "ACTIVE"}]}])
    ]


def chosen(*described):
    return [port.device for port in choose_ports(ports(*described))]


def test_slower_management_port_on_a_gpu_switch_is_dropped():
    assert chosen(("mgmt", 25, {"g0": "PIX"}), ("fast", 200, {"g0": "PXB"})) == ["fast"]


def test_faster_storage_port_off_the_gpu_switches_is_dropped():
    assert chosen(("storage", 400, {"g0": "NODE"}), ("compute", 200, {"g0": "PIX"})) == ["compute"]


def test_ports_on_the_socket_without_switches():
    near, far = {"g0": "PIX", "g1": "SYS"}, {"g0": "SYS", "g1": "NODE"}
    assert chosen(("a", 200, near), ("b", 200, far)) == ["a", "b"]


def test_accelerator_without_adjacent_port():
    assert chosen(("own", 200, {"g0": "PIX", "g1": "NODE"}), ("storage", 200, {"g0": "NODE", "g1": "NODE"})) == ["own"]


def test_single_distant_adapter_is_used():
    assert chosen(("only", 100, {"g0": "SYS"})) == ["only"]


def test_adapters_without_distance():
    assert chosen(("a", 100, {}), ("b", 100, {})) == ["a", "b"]


def test_virtual_functions_are_ignored():
    adapter, function = ports(("mlx5_0", 200, {"g0": "PIX"}), ("mlx5_8", 200, {"g0": "PIX"}))
    virtual = replace(function, virtual=True)
    assert choose_ports([adapter, virtual]) == (adapter,)
    assert choose_ports([virtual]) == (virtual,)


def test_roce_port_without_address_is_unusable():
    table = [{"index": 0, "gid": "fe80::1", "type": "RoCE v2", "address": ""}]
    (port,) = read_ports([{"name": "m", "ports": [{"state": "ACTIVE", "link_layer": "Ethernet", "gids": table}]}])
    assert not port.usable
    assert replace(port, link_layer="InfiniBand").usable


def test_link_layer_with_more_bandwidth():
    slow = [replace(p, link_layer="Ethernet") for p in ports(("e", 100, {}))]
    fast = [replace(p, link_layer="InfiniBand") for p in ports(("i", 400, {}))]
    assert choose_layer([slow + fast, slow + fast]) == "InfiniBand"
    assert choose_layer([slow + fast, slow]) == "Ethernet"
    assert choose_layer([fast, slow]) is None


@pytest.mark.parametrize(
    ("value", "takes"),
    [
        ("", True),
        ("mlx5", True),
        ("=mlx5_1", True),
        ("=mlx5_1:1", True),
        ("=mlx5_1:2", False),
        ("=mlx5", False),
        ("^mlx5_1", False),
        ("^=mlx5", True),
        ("mlx5_0,mlx5_1", True),
        ("irdma", False),
    ],
)
def test_nccl_ib_hca_filter(value, takes):
    (port,) = ports(("mlx5_1", 100, {}))
    assert match_hca(value, port) is takes


@pytest.mark.parametrize(
    ("value", "name", "takes"),
    [("eth", "eth10", True), ("=eth1", "eth10", False), ("^docker", "eth0", True), ("^=docker0", "docker0", False)],
)
def test_nccl_socket_ifname_filter(value, name, takes):
    assert match_interface(value, name) is takes


def gid_port(*entries):
    table = [{"index": i, "type": f"RoCE v{version}", "address": address} for i, version, address in entries]
    (port,) = read_ports([{"name": "m", "ports": [{"state": "ACTIVE", "link_layer": "Ethernet", "gids": table}]}])
    return port


PLAIN = gid_port((0, 1, ""), (1, 2, ""), (2, 1, "10.0.0.1"), (3, 2, "10.0.0.1"))
VLAN = gid_port((1, 2, ""), (2, 1, "192.168.0.1"), (3, 2, "192.168.0.1"), (4, 1, "10.0.0.1"), (5, 2, "10.0.0.1"))


def test_default_gid_of_nccl():
    assert automatic_gid(PLAIN, chooses=True) == 3
    assert automatic_gid(PLAIN, chooses=False) == 0


@pytest.mark.parametrize(
    ("port", "network", "chooses", "index"),
    [
        (PLAIN, "10.0.0.0/24", True, None),  # NCCL's default
        (PLAIN, "10.0.0.0/24", False, 3),  # an image with an older NCCL
        (VLAN, "10.0.0.0/24", True, 5),  # NCCL would use the untagged network
        (VLAN, "10.0.0.1", True, 5),
        (VLAN, "172.16.0.0/16", True, None),
        (VLAN, "nonsense", True, None),
    ],
)
def test_gid_index(port, network, chooses, index):
    assert gid_index([port], [network], chooses=chooses) == index


def test_no_common_gid_index():
    assert gid_index([PLAIN, VLAN], ["10.0.0.0/24"]) is None


@pytest.mark.parametrize(("version", "chooses"), [("", True), ("2.21.5", True), ("2.20.3", False), ("2.9.9", False)])
def test_nccl_version_that_chooses_the_gid(version, chooses):
    assert nccl_chooses_gid(version) is chooses
