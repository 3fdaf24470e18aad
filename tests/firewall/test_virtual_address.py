"""The distribution's keepalived with the rendered configuration: one of two gateways holds the virtual address."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.firewall.conftest import Network, address, run

from inferfleet.firewall import TABLE, render_rules
from inferfleet.gateway import Link, render_keepalived

ROOT = Path(__file__).parents[2]
STAND_IN = Path(__file__).with_name("gateway_stand_in.py")
VIRTUAL = "192.0.2.100"
MODULES = ROOT / "plugins/modules"
HEALTH, PORT = 8404, 8443
GATEWAYS = ("node", "peer")
LINKS = {host: Link("eth0", address(host)) for host in GATEWAYS}
FORGED = f"""
import socket
channel = socket.socket(socket.AF_INET, socket.SOCK_RAW, 112)
for target in {[address(host) for host in GATEWAYS]}:
    channel.sendto(bytes(20), (target, 0))
"""


@pytest.fixture(scope="module")
def check() -> Iterator[Path]:
    """Install the check where root only can write, which keepalived requires."""
    with tempfile.TemporaryDirectory(dir="/opt") as folder:
        Path(folder).chmod(0o755)
        script = Path(shutil.copy(ROOT / "roles/gateway/files/gateway_answers.sh", folder))
        script.chmod(0o755)
        yield script


class Gateways:
    """keepalived and a stand-in of HAProxy on each gateway."""

    def __init__(self, network: Network, folder: Path, check: Path) -> None:
        self.network, self.folder, self.check = network, folder, check
        self.holder = ""
        self.keepalived: dict[str, subprocess.Popen[bytes]] = {}
        self.haproxy: dict[str, subprocess.Popen[str]] = {}

    @property
    def other(self) -> str:
        """The gateway that did not hold the address at the start."""
        return next(host for host in GATEWAYS if host != self.holder)

    def start_haproxy(self, host: str) -> None:
        """Start the stand-in of HAProxy."""
        argv = [*self.network.inside(host), sys.executable, str(STAND_IN), host, str(HEALTH), str(PORT)]
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        assert process.stdout.readline() == "listening\n"
        self.haproxy[host] = process

    def start_keepalived(self, host: str) -> None:
        """Start keepalived as its unit does."""
        config = self.folder / f"{host}.conf"
        config.write_text(render_keepalived(host, LINKS, f"{VIRTUAL}/24", f"{self.check} {HEALTH}"))
        argv = ["keepalived", "--vrrp", "--dont-fork", "--log-console", "--use-file", str(config)]
        argv += ["--pid", str(self.folder / f"{host}.pid"), "--vrrp_pid", str(self.folder / f"{host}.vrrp.pid")]
        with (self.folder / f"{host}.log").open("ab") as log:
            process = subprocess.Popen([*self.network.inside(host), *argv], stdout=log, stderr=log)
        self.keepalived[host] = process

    def kill(self, host: str) -> None:
        """End the stand-in of HAProxy at once."""
        self.haproxy[host].kill()
        self.haproxy[host].communicate()

    def holders(self) -> list[str]:
        """Return the gateways that hold the virtual address."""
        shown = {host: run("ip", "-n", f"{host}-{self.network.suffix}", "address", "show", "eth0") for host in GATEWAYS}
        return [host for host, text in shown.items() if f"{VIRTUAL}/" in text]

    def answering(self) -> str:
        """Return the gateway that answers a host outside the cluster at the virtual address; empty if none does."""
        curl = ["curl", "--silent", "--max-time", "0.5", f"http://{VIRTUAL}:{PORT}/"]
        argv = [*self.network.inside("outsider"), *curl]
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout

    def until(self, condition: Callable[[], bool]) -> float:
        """Wait for a condition and return the seconds until then."""
        begin = time.monotonic()
        while time.monotonic() < begin + 30:
            if condition():
                return time.monotonic() - begin
            time.sleep(0.05)
        raise AssertionError({host: (self.folder / f"{host}.log").read_text()[-2000:] for host in GATEWAYS})

    def stop(self) -> None:
        """End all processes."""
        for daemon in self.keepalived.values():
            daemon.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                daemon.wait(10)
        for process in self.haproxy.values():
            process.terminate()
            with contextlib.suppress(ValueError):  # its pipes are closed already
                process.communicate()


@pytest.fixture
def gateways(network: Network, tmp_path: Path, check: Path) -> Iterator[Gateways]:
    """Start both gateways behind the node firewall, and wait until one has the address."""
    made = Gateways(network, tmp_path, check)
    rules = render_rules({"tcp": [], "udp": []}, [address(host) for host in GATEWAYS], vrrp=True)
    try:
        for host in GATEWAYS:
            network.nft("--file", "-", host=host, text=rules)
            made.start_haproxy(host)
        for host in GATEWAYS:
            made.start_keepalived(host)
        # The preferred one, unless its first check came late: it is not preempted.
        made.until(lambda: made.answering() in GATEWAYS)
        made.holder = made.answering()
        yield made
    finally:
        made.stop()
        for host in GATEWAYS:
            network.nft("delete", "table", "inet", TABLE, host=host)


def test_one_gateway_holds_the_address(gateways: Gateways) -> None:
    assert gateways.holders() == [gateways.holder]


def test_other_gateway_takes_over_from_one_that_does_not_answer(gateways: Gateways) -> None:
    gateways.kill(gateways.holder)
    print("seconds until another gateway answered:", gateways.until(lambda: gateways.answering() == gateways.other))
    assert gateways.holders() == [gateways.other]


def test_address_stays_when_the_other_gateway_returns(gateways: Gateways) -> None:
    gateways.kill(gateways.holder)
    gateways.until(lambda: gateways.answering() == gateways.other)
    gateways.start_haproxy(gateways.holder)
    log = gateways.folder / f"{gateways.holder}.log"
    gateways.until(lambda: "Entering BACKUP STATE" in log.read_text().rpartition("FAULT STATE")[2])
    assert gateways.holders() == [gateways.other]
    gateways.kill(gateways.other)
    gateways.until(lambda: gateways.answering() == gateways.holder)


def test_other_gateway_takes_over_from_a_host_that_is_gone(gateways: Gateways, network: Network) -> None:
    """Its processes cannot announce it: the cable is pulled at the switch."""
    bridge = ["ip", "-n", f"bridge-{network.suffix}", "link", "set", gateways.holder]
    run(*bridge, "nomaster")
    try:
        print("seconds until another gateway answered:", gateways.until(lambda: gateways.answering() == gateways.other))
    finally:
        run(*bridge, "master", "bridge")
    gateways.until(lambda: len(gateways.holders()) == 1)


def test_packets_of_other_hosts_are_dropped(gateways: Gateways, network: Network) -> None:
    run(*network.inside("outsider"), sys.executable, "-c", FORGED)
    for host in GATEWAYS:
        rules = network.nft("list", "chain", "inet", TABLE, "input", host=host)
        (rule,) = [line for line in rules.splitlines() if "112" in line or "vrrp" in line]
        assert " packets 1 " in rule
    assert gateways.holders() == [gateways.holder]


@pytest.mark.parametrize(
    ("target", "expected"), [(VIRTUAL, True), (address("peer"), True), ("192.0.2.77", False), ("198.51.100.1", False)]
)
def test_host_that_has_an_address_is_found_also_behind_a_firewall(
    gateways: Gateways, network: Network, target: str, expected: bool
) -> None:
    network.nft("add", "rule", "inet", TABLE, "input", "tcp", "dport", "9", "drop", host="peer")
    program = f"import sys; sys.path.insert(0, {str(MODULES)!r}); import address_answers as it"
    argv = [*network.inside("outsider"), sys.executable, "-c", f"{program}; print(it.answers({target!r}, 2))"]
    assert run(*argv).strip() == str(expected)
