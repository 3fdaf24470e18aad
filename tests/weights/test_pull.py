"""Distribution of a model to all nodes without faults, and its results."""

import json
import shutil
import socket
import time

import pytest
from ansible.module_utils.weights.peer_protocol import Client, PeerError
from tests.weights.fleet import total


def test_every_byte_crosses_the_wan_about_once_and_the_manifest_is_written(fleet, files, hub):
    fleet.start()
    results = fleet.end()
    assert [r.get("msg") for r in results] == [None] * 3
    assert all(fleet.is_complete(node) for node in fleet.nodes)
    assert sum(r["wan"] for r in results) <= 1.05 * total(files)
    assert sum(r["lan"] for r in results) >= 1.9 * total(files)
    assert not any(node.staging.exists() for node in fleet.nodes)

    for node in fleet.nodes:
        manifest = json.loads((node.path / ".inferfleet.json").read_text())
        assert manifest["commit"] == "c0ffee"
        assert {n: (e["size"], e["hash"]) for n, e in manifest["files"].items()} == {
            n: (w["size"], w["hash"]) for n, w in files.items()
        }


def test_only_named_nodes_use_the_wan(fleet, files):
    fleet.start(wan_nodes=["node2"])
    wan = [r["wan"] for r in fleet.end()]
    assert (wan[0], wan[2]) == (0, 0)
    assert total(files) <= wan[1] <= 1.05 * total(files)
    assert all(fleet.is_complete(node) for node in fleet.nodes)


def test_single_node_needs_no_port(fleet, files):
    node = fleet.nodes[0]
    fleet.start_alone(node)
    assert node.end()["wan"] == total(files)
    assert fleet.is_complete(node)


def test_a_second_run_fetches_nothing(fleet):
    fleet.start()
    assert [r.get("msg") for r in fleet.end()] == [None] * 3
    fleet.start(expected=[])
    again = fleet.end()
    assert [(r["changed"], r["wan"], r["lan"]) for r in again] == [(False, 0, 0)] * 3


def test_new_node_fetches_everything_from_its_peers(fleet, files):
    fleet.start()
    assert [r.get("msg") for r in fleet.end()] == [None] * 3
    shutil.rmtree(fleet.nodes[2].path)
    fleet.start(expected=["node3"])
    results = fleet.end()
    assert [r["wan"] for r in results] == [0, 0, 0]
    assert results[2]["lan"] == total(files)
    assert fleet.is_complete(fleet.nodes[2])


def test_damaged_file_is_fetched_again_from_a_peer(fleet, files):
    fleet.start()
    assert [r.get("msg") for r in fleet.end()] == [None] * 3
    victim = fleet.nodes[1].path / "model-00003-of-00008.safetensors"
    content = bytearray(victim.read_bytes())
    content[1000] ^= 1
    victim.write_bytes(content)
    folder = fleet.nodes[1].path.stat().st_ino
    fleet.start(expected=["node2"])
    results = fleet.end()
    assert [r["wan"] for r in results] == [0, 0, 0]
    assert results[1]["lan"] == files[victim.name]["size"]
    assert fleet.is_complete(fleet.nodes[1])
    assert fleet.nodes[1].path.stat().st_ino == folder  # a container mounts it


def test_another_revision_fetches_only_the_differences(fleet, files, hub_root):
    fleet.start()
    assert [r.get("msg") for r in fleet.end()] == [None] * 3
    name = "config.json"
    fewer = {n: w for n, w in files.items() if n != name}
    fleet.files = fewer
    folders = [node.path.stat().st_ino for node in fleet.nodes]
    fleet.start(files=fewer, run="beef")
    results = fleet.end()
    assert [r["wan"] for r in results] == [0, 0, 0]
    assert not any((node.path / name).exists() for node in fleet.nodes)
    assert [node.path.stat().st_ino for node in fleet.nodes] == folders
    assert all(fleet.is_complete(node) for node in fleet.nodes)


def test_unauthenticated_requests_are_rejected_and_the_port_is_closed(fleet):
    node, absent = fleet.nodes[0], fleet.nodes[1]
    fleet.start([node], expected=["node2"])  # it keeps seeding, because node2 may still join
    own = "127.0.1.3"
    client = Client(node.address, node.port, "hush-token", "c0ffee", own)
    for _ in range(200):
        try:
            assert client.state()["verified"] is not None
            break
        except PeerError:
            time.sleep(0.05)
    with pytest.raises(PeerError, match="HTTP 403"):
        Client(node.address, node.port, "guessed", "c0ffee", own).state()
    with pytest.raises(PeerError, match="HTTP 409"):
        Client(node.address, node.port, "hush-token", "another", own).state()
    with pytest.raises(PeerError):
        Client(node.address, node.port, "hush-token", "c0ffee", "127.0.1.99").state()
    fleet.start([absent], expected=["node2"])
    assert [n.end().get("msg") for n in (node, absent)] == [None, None]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((node.address, node.port))
