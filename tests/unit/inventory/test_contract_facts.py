"""What a node's own facts speak against, word for word."""

import pytest

from inferfleet.inventory.facts import GIB, Host
from inferfleet.planner.checks import run_checks

DEBIAN = {"id": "debian", "id_like": "", "version_id": "12"}
DISK = {
    "/data/models": {"device": 1, "free_bytes": 100 * GIB, "total_bytes": 200 * GIB},
    "/var/lib/docker": {"device": 2, "free_bytes": 50 * GIB, "total_bytes": 60 * GIB},
}


def messages(facts=None, ports=None, space=None):
    facts = {"distribution": DEBIAN, "listening": {}, "disk": DISK} | (facts or {})
    return [f"{problem.code}: {problem}" for problem in run_checks(Host("node1", facts, ports or {}, space or {}))]


def test_nothing_speaks_against_a_good_node():
    space = {"images": ("/var/lib/docker", 50 * GIB), "the weights": ("/data/models", 100 * GIB)}
    assert messages(ports={"engine_port": 8000}, space=space) == []


@pytest.mark.parametrize(
    ("name", "port", "remedy"),
    [
        ("engine_port", 8000, "Stop that program, or set engine_port to a free port."),
        ("ray_port (for --metrics-export-port)", 6385, "Stop that program, or set ray_port to a free port."),
    ],
)
def test_port_taken(name, port, remedy):
    found = messages({"listening": {str(port): "nginx", "22": "sshd"}}, ports={name: port})
    assert found == [f"port-taken: Port {port} of {name} is taken on node1 by nginx. {remedy}"]


def test_our_own_service_takes_nothing_away():
    assert messages({"listening": {"8000": "inferfleet"}}, ports={"engine_port": 8000}) == []


def test_disk_too_small():
    assert messages(space={"the weights": ("/data/models", 641 * GIB)}) == [
        "disk-too-small: Host node1 has 100.0 GiB free, but needs 641.0 GiB for the weights in /data/models."
        " Free 541.0 GiB there, or point model_root or container_data_root to a larger disk."
    ]


def test_what_shares_a_disk_has_to_fit_together():
    disk = {path: {**DISK["/data/models"]} for path in DISK}
    space = {"images": ("/var/lib/docker", 60 * GIB), "the weights": ("/data/models", 60 * GIB)}
    assert messages({"disk": disk}, space=space) == [
        "disk-too-small: Host node1 has 100.0 GiB free, but needs 60.0 GiB for images in /var/lib/docker"
        " and 60.0 GiB for the weights in /data/models."
        " Free 20.0 GiB there, or point model_root or container_data_root to a larger disk."
    ]


def test_what_is_there_already_is_not_named():
    space = {"images": ("/var/lib/docker", 0), "the weights": ("/data/models", 101 * GIB)}
    (found,) = messages(space=space)
    assert "images" not in found


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
    assert messages({"distribution": system}) == [
        f"system-unsupported: Host node1 runs {shown}. Use Debian 11, Ubuntu 22.04, Rocky Linux 9, openEuler 22.03 or"
        " Kylin V10, or a later release of one."
    ]


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
    assert messages({"distribution": system}) == []
