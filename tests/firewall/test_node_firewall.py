"""The rules in the kernel: connections from the node, another node, a monitoring host and an outsider."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.firewall.conftest import LISTENERS, Network, address, run

from inferfleet.firewall import TABLE, closed_ports, render_rules, without
from inferfleet.settings import Settings

SSH, ENGINE, GATEWAY, PAGE, WEBUI, RAY, WORKER, NCCL, SITE = 22, 8000, 8443, 8444, 3000, 6379, 20500, 45000, 9090
PORTS = [SSH, ENGINE, GATEWAY, PAGE, WEBUI, RAY, WORKER, NCCL, SITE]
FOR_CLIENTS = [SSH, GATEWAY, PAGE, SITE]
GROUPS = ["ray_head", "gateway", "webui"]
RUN_MODULE = Path(__file__).parents[1] / "run_module.py"
# What Docker, firewalld or the site might have: a chain that accepts all, one that drops a port of its own, and NAT.
OTHERS = """
table ip filter {
    chain INPUT {
        type filter hook input priority filter; policy accept;
        accept
    }
    chain DOCKER-USER {
        return
    }
}
table inet firewalld {
    chain filter_INPUT {
        type filter hook input priority filter + 10; policy accept;
        tcp dport 9099 drop
    }
}
table ip nat {
    chain POSTROUTING {
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr 172.17.0.0/16 masquerade
    }
}
"""


def rules(*, gateway: bool = True, allowed: tuple[str, ...] = (), **changes: object) -> str:
    """Return the file of rules of the node."""
    settings = {**vars(Settings()), "executor": "ray", "data_parallel_size": 1, "engine_port": ENGINE, **changes}
    closed = closed_ports(settings, GROUPS, gateway=gateway)
    sources = [address("node"), address("peer"), address("peer", 6), *allowed]
    return render_rules({**closed, "tcp": without(closed["tcp"], [SSH])}, sources)


def foreign(network: Network) -> str:
    """Return all tables but ours, without the packets they counted."""
    tables = [line.split()[1:] for line in network.nft("list", "tables").splitlines()]
    return "".join(network.nft("--stateless", "list", "table", *table) for table in tables if table[1] != TABLE)


@pytest.fixture(scope="module", autouse=True)
def listeners(network: Network) -> Iterator[None]:
    """Listen on the ports of the node, next to tables of others."""
    network.nft("--file", "-", text=OTHERS)
    argv = [*network.inside("node"), sys.executable, str(LISTENERS), *map(str, PORTS)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "listening\n"
        yield
        process.communicate("")


@pytest.fixture
def loaded(network: Network) -> Iterator[Network]:
    """Load the rules, and delete them as the unit does."""
    network.nft("--check", "--file", "-", text=rules())
    network.nft("--file", "-", text=rules())
    yield network
    network.nft("delete", "table", "inet", TABLE)


@pytest.mark.parametrize("family", [4, 6])
def test_outsider_reaches_only_ports_for_clients(loaded: Network, family: int) -> None:
    assert loaded.open_ports("outsider", PORTS, family) == FOR_CLIENTS


@pytest.mark.parametrize("family", [4, 6])
def test_other_node_reaches_every_port(loaded: Network, family: int) -> None:
    assert loaded.open_ports("peer", PORTS, family) == PORTS


@pytest.mark.parametrize("target", ["127.0.0.1", "::1", address("node"), address("node", 6)])
def test_node_reaches_its_own_ports(loaded: Network, target: str) -> None:
    assert loaded.open_ports("node", PORTS, 6 if ":" in target else 4, target) == PORTS


def test_connection_of_the_node_to_an_outsider_is_answered(loaded: Network) -> None:
    argv = [*loaded.inside("outsider"), sys.executable, str(LISTENERS), "8080"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "listening\n"
        # From an ephemeral port, which is closed to connections of others.
        assert loaded.open_ports("node", [8080], target=address("outsider")) == [8080]
        process.communicate("")


def test_allowed_network_reaches_every_port(loaded: Network) -> None:
    assert loaded.open_ports("monitoring", PORTS) == FOR_CLIENTS
    loaded.nft("--file", "-", text=rules(allowed=(f"{address('monitoring')}/32", "198.51.100.0/24")))
    assert loaded.open_ports("monitoring", PORTS) == PORTS
    assert loaded.open_ports("outsider", PORTS) == FOR_CLIENTS


def test_engine_and_open_webui_are_open_without_a_gateway(loaded: Network) -> None:
    loaded.nft("--file", "-", text=rules(gateway=False))
    assert loaded.open_ports("outsider", PORTS) == sorted([*FOR_CLIENTS, ENGINE, WEBUI], key=PORTS.index)


def test_replacing_leaves_nothing_of_the_previous_rules(loaded: Network) -> None:
    first = loaded.nft("--stateless", "list", "table", "inet", TABLE)
    loaded.nft("--file", "-", text=rules(ray_port=7000))
    assert RAY in loaded.open_ports("outsider", PORTS)
    loaded.nft("--file", "-", text=rules())
    assert loaded.nft("--stateless", "list", "table", "inet", TABLE) == first


def test_tables_of_others_are_not_changed(network: Network) -> None:
    before = foreign(network)
    network.nft("--file", "-", text=rules())
    network.nft("--file", "-", text=rules(gateway=False))
    assert foreign(network) == before
    network.nft("delete", "table", "inet", TABLE)
    assert foreign(network) == before
    assert "firewalld" in before
    assert network.open_ports("outsider", PORTS) == PORTS


@pytest.mark.parametrize(
    "change", ["add rule inet {0} input tcp dport 1 accept", "flush chain inet {0} input", "delete table inet {0}"]
)
def test_rules_that_changed_in_the_kernel_are_noticed(loaded: Network, change: str) -> None:
    def state() -> object:
        path = "/etc/inferfleet/firewall.nft"
        given = {
            "files": {path: {"content": rules(), "mode": "0600"}},
            "unit": "none.service",
            "table": TABLE,
            "rules": path,
        }
        argv = [*loaded.inside("node"), sys.executable, RUN_MODULE, "node_firewall_state"]
        return json.loads(run(*argv, text=json.dumps({"ANSIBLE_MODULE_ARGS": given})))["loaded"]

    assert state() is True
    loaded.nft(*change.format(TABLE).split())
    assert state() is False
    loaded.nft("--file", "-", text=rules())
    assert state() is True


def test_port_that_another_table_drops_stays_closed(loaded: Network) -> None:
    loaded.nft("add", "rule", "inet", "firewalld", "filter_INPUT", "tcp", "dport", str(SITE), "drop")
    try:
        assert SITE not in loaded.open_ports("peer", PORTS)
    finally:
        loaded.nft("flush", "chain", "inet", "firewalld", "filter_INPUT")
        loaded.nft("add", "rule", "inet", "firewalld", "filter_INPUT", "tcp", "dport", "9099", "drop")


def test_rules_with_an_error_leave_the_loaded_ones(loaded: Network) -> None:
    before = loaded.nft("--stateless", "list", "ruleset")
    broken = rules().replace("policy accept;", "policy accept; nonsense")
    argv = [*loaded.inside("node"), "nft", "--file", "-"]
    assert subprocess.run(argv, input=broken, text=True, capture_output=True, check=False).returncode != 0
    assert loaded.nft("--stateless", "list", "ruleset") == before
