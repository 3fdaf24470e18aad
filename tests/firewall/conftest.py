"""Hosts as network namespaces on one bridge: a node with listeners, another node, and a host outside the cluster."""

import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

SUBNETS = ("192.0.2", "2001:db8:ffff:")  # documentation prefixes, RFC 5737 and RFC 3849
HOSTS = {"node": 1, "peer": 2, "outsider": 3, "monitoring": 4}
LISTENERS = Path(__file__).with_name("listeners.py")
SCAN = """
import socket, sys
for port in map(int, sys.argv[2:]):
    with socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET) as connection:
        connection.settimeout(0.3)
        if connection.connect_ex((sys.argv[1], port)) == 0:
            print(port)
"""


def run(*argv: str | Path, text: str = "") -> str:
    """Run a command and return its output; an error shows what it printed."""
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv}: {done.stderr}"
    return done.stdout


def address(host: str, family: int = 4) -> str:
    """Return the address of a host on the bridge."""
    return f"{SUBNETS[0]}.{HOSTS[host]}" if family == 4 else f"{SUBNETS[1]}:{HOSTS[host]}"


class Network:
    """The namespaces of one test, named with the process id of pytest."""

    def __init__(self, suffix: str) -> None:
        self.suffix = suffix

    def inside(self, host: str) -> list[str]:
        """Return the prefix of a command that runs on a host."""
        return ["ip", "netns", "exec", f"{host}-{self.suffix}"]

    def nft(self, *arguments: str, host: str = "node", text: str = "") -> str:
        """Run nft on a host."""
        return run(*self.inside(host), "nft", *arguments, text=text)

    def open_ports(self, source: str, ports: Collection[int], family: int = 4, target: str = "") -> list[int]:
        """Return those ports of the node that a host can connect to."""
        target = target or address("node", family)
        found = run(*self.inside(source), sys.executable, "-c", SCAN, target, *map(str, ports))
        return [int(port) for port in found.split()]


@pytest.fixture(scope="module")
def network(worker_id: str) -> Iterator[Network]:
    """Create the namespaces, connected by a bridge in one of their own; nothing outside them changes."""
    made = Network(f"inferfleet-{worker_id}")
    names = [f"{host}-{made.suffix}" for host in ("bridge", *HOSTS)]
    try:
        for name in names:
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", names[0], "link", "add", "bridge", "up", "type", "bridge")
        for host, name in zip(HOSTS, names[1:], strict=True):
            run(*f"ip -n {name} link add eth0 type veth peer name {host} netns {names[0]}".split())
            run("ip", "-n", names[0], "link", "set", host, "up", "master", "bridge")
            run("ip", "-n", name, "link", "set", "eth0", "up")
            run("ip", "-n", name, "address", "add", f"{address(host)}/24", "dev", "eth0")
            run("ip", "-n", name, "address", "add", f"{address(host, 6)}/64", "dev", "eth0", "nodad")
        yield made
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
