"""keepalived and HAProxy with the rendered configurations: one of two gateways holds the virtual address."""

import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.firewall.conftest import Network, address, run
from tests.firewall.gateways import GATEWAYS, ROOT, VIRTUAL, Gateways

from inferfleet.firewall import TABLE, render_rules

MODULES = ROOT / "plugins/modules"
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


@pytest.fixture
def gateways(network: Network, tmp_path: Path, check: Path) -> Iterator[Gateways]:
    """Start both gateways behind the node firewall, and wait until one has the address."""
    made = Gateways(network, tmp_path, check)
    rules = render_rules({"tcp": [], "udp": []}, [address(host) for host in GATEWAYS], vrrp=True)
    try:
        made.start_engine()
        for host in GATEWAYS:
            network.nft("--file", "-", host=host, text=rules)
            made.start_haproxy(host)
        for host in GATEWAYS:
            made.start_keepalived(host)
        # The preferred one, unless its first check came late: it is not preempted.
        made.until(lambda: "[DONE]" in made.chat())
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
    assert "[DONE]" in gateways.chat()


def test_other_gateway_takes_over_from_one_that_hangs(gateways: Gateways) -> None:
    gateways.signal(gateways.holder, signal.SIGSTOP)
    print("seconds until another gateway answered:", gateways.until(lambda: gateways.answering() == gateways.other))
    assert gateways.holders() == [gateways.other]


def test_address_stays_when_the_other_gateway_returns(gateways: Gateways) -> None:
    gateways.kill(gateways.holder)
    gateways.until(lambda: gateways.answering() == gateways.other)
    gateways.start_haproxy(gateways.holder)
    log = gateways.folder / f"{gateways.holder}.keepalived.log"
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


def test_host_that_has_an_address_is_found_also_behind_a_firewall(gateways: Gateways, network: Network) -> None:
    network.nft("add", "rule", "inet", TABLE, "input", "tcp", "dport", "9", "drop", host="peer")
    targets = [VIRTUAL, address("peer"), "192.0.2.77", "198.51.100.1"]
    program = f"import sys; sys.path.insert(0, {str(MODULES)!r}); import address_answers as it"
    argv = [
        *network.inside("outsider"),
        sys.executable,
        "-c",
        f"{program}; print([it.answers(t, 2) for t in {targets}])",
    ]
    assert run(*argv).strip() == str([True, True, False, False])
