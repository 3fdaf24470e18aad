"""fabric_reach and fabric_listen with real connections on the loopback interface."""

import contextlib
import os
import random
import socket
import time

import pytest

HERE = f"127.0.{os.getpid() % 250}.1"  # there is one listener an address: tests that run side by side have their own


@pytest.fixture(scope="module")
def module(load):
    return load("fabric_reach")


@pytest.fixture
def listening():
    with socket.create_server((HERE, 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free():
    for port in random.sample(range(20_000, 30_000), 50):  # the kernel gives none of these to outgoing connections
        with contextlib.suppress(OSError), socket.create_server((HERE, port)):
            return port
    raise AssertionError("fifty ports in a row are taken")


@pytest.fixture
def unresponsive():
    """Return an unresponsive port: the kernel drops connections beyond a full backlog."""
    with socket.socket() as server:
        server.bind((HERE, 0))
        server.listen(0)
        port = server.getsockname()[1]
        waiting = [socket.socket() for _ in range(3)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex((HERE, port))
        yield port
        for client in waiting:
            client.close()


@pytest.fixture
def listener(run_module):
    """Start the listener at ports of the loopback, and end it afterwards."""

    def start(*ports, **options):
        return run_module("fabric_listen", address=HERE, ports=list(ports), **options)

    yield start
    run_module("fabric_listen", address=HERE, state="stopped")


def accepts(port: int) -> bool:
    try:
        socket.create_connection((HERE, port), timeout=1).close()
    except OSError:
        return False
    return True


def test_listening_peer_is_reached(module, listening):
    assert 0 < module.connect(HERE, HERE, listening, 5) < 5000


def test_refused_connection_counts_as_reached(module, free):
    taken, reason = module.attempt(HERE, HERE, free, 5, True)
    assert 0 < taken < 5000
    assert reason == ""
    assert module.attempt(HERE, HERE, free, 5, False) == (0.0, "Connection refused")


def test_unresponsive_peer_is_not_reached(module, unresponsive):
    with pytest.raises(TimeoutError):
        module.connect(HERE, HERE, unresponsive, 1)


def test_connection_uses_the_source_address(module):
    with socket.create_server((HERE, 0)) as server:
        module.connect("127.0.0.9", HERE, server.getsockname()[1], 5)
        assert server.accept()[1][0] == "127.0.0.9"


def test_source_address_of_another_node(module, listening):
    with pytest.raises(OSError, match="Cannot assign requested address"):
        module.connect("192.0.2.1", HERE, listening, 5)


def test_module_reports_every_peer(run_module, listening):
    result = run_module("fabric_reach", source=HERE, peers=[HERE, "127.0.0.2"], port=listening)
    assert result["changed"] is False
    assert result["milliseconds"].keys() == {HERE, "127.0.0.2"}
    assert result["connections"] == 2


def test_module_reports_unreachable_peers(run_module, unresponsive):
    result = run_module("fabric_reach", source=HERE, peers=[HERE, "127.0.0.2"], port=unresponsive, timeout=1)
    assert result["msg"] == (
        f"This node cannot reach {HERE} at port {unresponsive} (timed out) from {HERE} on the cluster network."
        " Check cluster_network, cluster_address and the firewall between the nodes."
    )


def test_refused_connection_to_a_listening_port_fails(run_module, listening, free):
    result = run_module("fabric_reach", source=HERE, listening={HERE: [listening, free]})
    assert f"{HERE} at port {free} (Connection refused)" in result["msg"]


def test_unresponsive_ports_are_tested_in_parallel(run_module, unresponsive):
    started = time.monotonic()
    result = run_module("fabric_reach", source=HERE, listening={HERE: [unresponsive] * 30}, timeout=1)
    assert "timed out" in result["msg"]
    assert time.monotonic() - started < 30  # what one after the other would have taken


def test_listener_accepts_connections(run_module, listener, free):
    assert not accepts(free)
    started = listener(free)
    assert (started["listening"], started["served"], started["busy"]) == ([free], [], [])
    assert run_module("fabric_reach", source=HERE, listening={HERE: [free]})["connections"] == 1


def test_existing_service_counts_as_listening(run_module, listener, listening, free):
    started = listener(listening, free)
    assert (started["listening"], started["served"]) == (sorted([listening, free]), [listening])
    assert run_module("fabric_reach", source=HERE, listening={HERE: [listening, free]})["connections"] == 2


def test_port_of_a_connection_is_busy(listener, listening):
    with socket.create_connection((HERE, listening), source_address=(HERE, 0)) as client:
        mine = client.getsockname()[1]
        assert listener(mine)["busy"] == [mine]


def test_listener_can_be_stopped(run_module, listener, free):
    listener(free)
    assert accepts(free)
    run_module("fabric_listen", address=HERE, state="stopped")
    assert not accepts(free)


def test_listener_ends_after_its_lifetime(listener, free):
    listener(free, seconds=1)
    deadline = time.monotonic() + 10
    while accepts(free) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not accepts(free)


def test_second_listener_replaces_the_first(listener, free):
    assert listener(free)["listening"] == [free]
    assert listener(free)["listening"] == [free]
    assert accepts(free)


def test_check_mode_does_not_listen(listener, free):
    assert listener(free, check_mode=True)["listening"] == []
    assert not accepts(free)


def test_listening_on_an_address_of_another_node_fails(run_module):
    result = run_module("fabric_listen", address="192.0.2.1", ports=[1])
    assert result["msg"] == (
        "This node cannot listen on 192.0.2.1: Cannot assign requested address."
        " Set cluster_address to an address of this node."
    )
