"""Problems found in a node's facts."""

import pytest
from tests.unit.inventory.parameters import listed

from inferfleet.inventory.facts import GIB, Host
from inferfleet.planner.checks import run_checks

DEBIAN = {"id": "debian", "id_like": "", "version_id": "12"}
DISK = {
    "/data/models": {"device": 1, "free_bytes": 100 * GIB, "total_bytes": 200 * GIB},
    "/var/lib/docker": {"device": 2, "free_bytes": 50 * GIB, "total_bytes": 60 * GIB},
}


def problems(facts=None, ports=None, space=None):
    facts = {"distribution": DEBIAN, "listening": {}, "disk": DISK} | (facts or {})
    return listed(run_checks(Host("node1", facts, ports or {}, space or {})))


def test_valid_node_has_no_problems():
    space = {"images": ("/var/lib/docker", 50 * GIB), "the weights": ("/data/models", 100 * GIB)}
    assert problems(ports={"engine_port": 8000}, space=space) == []


@pytest.mark.parametrize(
    ("name", "port", "variable"),
    [
        ("engine_port", 8000, "engine_port"),
        ("ray_port (for --metrics-export-port)", 6385, "ray_port"),
        ("Node exporter", 9100, ""),
    ],
)
def test_port_in_use(name, port, variable):
    found = problems({"listening": {str(port): "nginx", "22": "sshd"}}, ports={name: port})
    taken = {"port": port, "name": name, "host": "node1", "program": "nginx", "variable": variable}
    assert found == [("port-taken", taken)]


def test_ports_of_inferfleet_are_not_in_use():
    assert problems({"listening": {"8000": "inferfleet"}}, ports={"engine_port": 8000}) == []


def test_disk_too_small():
    wanted = "641.0 GiB for the weights in /data/models"
    assert problems(space={"the weights": ("/data/models", 641 * GIB)}) == [
        ("disk-too-small", {"host": "node1", "free": 100, "missing": 541, "wanted": wanted})
    ]


def test_sizes_on_one_disk_are_added_up():
    disk = {path: {**DISK["/data/models"]} for path in DISK}
    space = {"images": ("/var/lib/docker", 60 * GIB), "the weights": ("/data/models", 60 * GIB)}
    wanted = "60.0 GiB for images in /var/lib/docker and 60.0 GiB for the weights in /data/models"
    assert problems({"disk": disk}, space=space) == [
        ("disk-too-small", {"host": "node1", "free": 100, "missing": 20, "wanted": wanted})
    ]


def test_existing_files_need_no_space():
    space = {"images": ("/var/lib/docker", 0), "the weights": ("/data/models", 101 * GIB)}
    [(_, parameters)] = problems(space=space)
    assert parameters["wanted"] == "101.0 GiB for the weights in /data/models"


@pytest.mark.parametrize(
    ("system", "shown"),
    [
        ({"id": "rocky", "id_like": "rhel centos fedora", "version_id": "8.10"}, "rocky 8.10"),
        ({"id": "fedora", "id_like": "", "version_id": "43"}, "fedora 43"),
        ({"id": "debian", "id_like": "", "version_id": "10"}, "debian 10"),
        ({"id": "ubuntu", "id_like": "debian", "version_id": "20.04"}, "ubuntu 20.04"),
        ({"id": "", "id_like": "", "version_id": ""}, "an unknown system"),
    ],
)
def test_system_unsupported(system, shown):
    [(code, parameters)] = problems({"distribution": system})
    assert (code, parameters["host"], parameters["system"]) == ("system-unsupported", "node1", shown)
    assert "Rocky Linux 9" in parameters["systems"]


@pytest.mark.parametrize(
    "system",
    [
        {"id": "debian", "id_like": "", "version_id": "13"},
        {"id": "debian", "id_like": "", "version_id": ""},  # testing and unstable have no number
        {"id": "ubuntu", "id_like": "debian", "version_id": "22.04"},
        {"id": "linuxmint", "id_like": "ubuntu debian", "version_id": "21"},
    ],
)
def test_system_supported(system):
    assert problems({"distribution": system}) == []
