"""Real connections on this machine's loopback."""

import socket

import pytest

HERE = "127.0.0.1"


@pytest.fixture(scope="module")
def connect(load):
    return load("fabric_reach").connect


@pytest.fixture
def listening():
    with socket.create_server((HERE, 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free():
    with socket.create_server((HERE, 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def silent():
    """Return a port that answers no more: the kernel drops connections beyond a full backlog."""
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


def test_a_peer_that_listens_is_reached(connect, listening):
    assert 0 < connect(HERE, HERE, listening, 5) < 5000


def test_a_peer_that_refuses_is_reached(connect, free):
    assert 0 < connect(HERE, HERE, free, 5) < 5000


def test_a_silent_peer_is_not_reached(connect, silent):
    with pytest.raises(TimeoutError):
        connect(HERE, HERE, silent, 1)


def test_the_connection_comes_from_the_source(connect):
    with socket.create_server((HERE, 0)) as server:
        connect("127.0.0.9", HERE, server.getsockname()[1], 5)
        assert server.accept()[1][0] == "127.0.0.9"


def test_a_source_that_this_node_does_not_have(connect, listening):
    with pytest.raises(OSError, match="Cannot assign requested address"):
        connect("192.0.2.1", HERE, listening, 5)


def test_module_reports_every_peer(run_module, listening):
    result = run_module("fabric_reach", source=HERE, peers=[HERE, "127.0.0.2"], port=listening)
    assert result["changed"] is False
    assert result["milliseconds"].keys() == {HERE, "127.0.0.2"}


def test_module_names_the_peers_it_does_not_reach(run_module, silent):
    result = run_module("fabric_reach", source=HERE, peers=[HERE, "127.0.0.2"], port=silent, timeout=1)
    assert result["msg"] == (
        "From 127.0.0.1 this node does not reach 127.0.0.1 (timed out) on the cluster network."
        " Check cluster_network, cluster_address and the firewall between the nodes."
    )
