"""The node firewall on the deployed cluster: what a host outside it, another node and this machine can connect to."""

import socket
import subprocess
from collections.abc import Collection, Iterator
from typing import Any

import pytest
from lab.config import CONTROLLER, SUBNET
from lab_cluster import Controller, Lab

from inferfleet.settings import Settings

pytestmark = pytest.mark.lab
OUTSIDER = str(SUBNET[9])  # no node, and not the address that the inventory admits
SSH, ENGINE, RAY = 22, 8000, 6379
DEFAULTS = Settings()
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3)"


def listening(lab: Lab, node: str) -> list[int]:
    """Return the TCP ports on which a node listens for connections of other hosts."""
    lines = lab.ssh(node, "ss --no-header --tcp --listening --numeric").splitlines()
    places = [line.split()[3].rpartition(":") for line in lines]
    return sorted({int(port) for address, _, port in places if not address.startswith(("127.", "[::1]"))})


def reached(source: str, address: str, ports: Collection[int]) -> list[int]:
    """Return those ports of a node that answer this machine, if it connects from the address `source`."""
    found = []
    for port in ports:
        with socket.socket() as connection:
            connection.settimeout(1)
            connection.bind((source, 0))
            if connection.connect_ex((address, port)) == 0:
                found.append(port)
    return found


@pytest.fixture(scope="module")
def outsider() -> Iterator[str]:
    """Give this machine a second address on the cluster's network."""
    lines = subprocess.check_output(["ip", "-o", "address", "show", "to", str(CONTROLLER)], text=True)
    bridge = lines.split()[1]
    subprocess.run(["ip", "address", "add", f"{OUTSIDER}/32", "dev", bridge], check=True)
    yield OUTSIDER
    subprocess.run(["ip", "address", "delete", f"{OUTSIDER}/32", "dev", bridge], check=True)


def test_outsider_reaches_ssh_and_ports_for_clients(deployed: dict[str, Any], lab: Lab, outsider: str) -> None:
    ports = {node: listening(lab, node) for node in lab.names}
    everywhere = {port for found in ports.values() for port in found}
    assert {SSH, ENGINE, RAY, DEFAULTS.webui_port} <= everywhere
    behind_tls = {DEFAULTS.gateway_port, DEFAULTS.gateway_webui_port, DEFAULTS.gateway_monitoring_port}
    open_to_clients = {SSH, *(behind_tls if behind_tls <= everywhere else {ENGINE, DEFAULTS.webui_port})}
    for node, found in ports.items():
        assert reached(outsider, lab.address(node), found) == sorted(open_to_clients & {*found}), node


def test_other_node_reaches_ray_and_the_engine(deployed: dict[str, Any], lab: Lab) -> None:
    for port in (RAY, ENGINE):
        lab.ssh("node2", f"python3 -c '{CONNECT}' {lab.address('node1')} {port}")


def test_allowed_network_reaches_every_port(deployed: dict[str, Any], lab: Lab) -> None:
    ports = listening(lab, "node1")
    assert {RAY, ENGINE} <= {*reached(str(CONTROLLER), lab.address("node1"), ports)}


def test_rules_follow_the_setting(deployed: dict[str, Any], lab: Lab, controller: Controller, outsider: str) -> None:
    tables = {node: lab.ssh(node, "nft list tables").splitlines() for node in lab.names}
    part = ("up", "--tags", "node_firewall")
    off = controller.inferfleet(*part, "-e", "node_firewall=false")
    assert off.rc == 0, off
    assert "node-firewall-off" in [warning["code"] for warning in off.document["warnings"]]
    assert reached(outsider, lab.address("node1"), [RAY]) == [RAY]
    for node, before in tables.items():
        assert lab.ssh(node, "nft list tables").splitlines() == [name for name in before if "inferfleet" not in name]
    on = controller.inferfleet(*part)
    assert on.rc == 0, on
    assert reached(outsider, lab.address("node1"), [RAY]) == []
