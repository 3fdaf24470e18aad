"""A deployment without changes: what it skips, and what makes the next one complete."""

import json
from typing import Any

import pytest
from lab_cluster import INVENTORY, TOOLS, Controller, Lab

pytestmark = pytest.mark.lab
WEIGHTS = "/data/models/inferfleet/tiny-r1/config.json"
REVERSIBLE = {
    "inferfleet-usage.service": ("systemctl stop {}", "systemctl start {}"),
    "nftables inferfleet": (
        "nft add rule inet inferfleet input tcp dport 1 accept",
        "systemctl reload inferfleet-firewall",
    ),
    "container inferfleet-webui": ("docker pause inferfleet-webui", "docker unpause inferfleet-webui"),
    "/usr/local/bin/inferfleet-extra": ("touch {}", "rm {}"),
    "/var/lib/inferfleet": ("chmod 700 {}", "chmod 755 {}"),
}
"""What differs, the command that breaks it, and the one that restores the state."""
REWRITTEN = {
    "inferfleet-node-exporter.service": ("systemctl disable {}", "systemctl enable {}"),
    "/etc/inferfleet/fabric.env": ("chmod 600 {}", "chmod 644 {}"),
    "/etc/docker/daemon.json": ("sed -i s/true/false/ {}", "sed -i s/false/true/ {}"),
    WEIGHTS: ("cp -p {} /tmp/kept; truncate -s 1 {}", "cp -p /tmp/kept {}"),
    "/var/lib/dpkg/status": (
        "echo haproxy hold | dpkg --set-selections",
        "echo haproxy install | dpkg --set-selections",
    ),
}
"""Files that differ from the record by their times also after they were restored."""


def differences(controller: Controller) -> list[str]:
    """Return the differences of node1 from its record, as preflight reads them."""
    argv = [TOOLS / "ansible", "node1", "-i", INVENTORY, "-m", "node_facts", "-a", "record=true", "-o"]
    text = controller.run([*argv], timeout=120).text
    found: dict[str, Any] = json.JSONDecoder().raw_decode(text.partition("=> ")[2])[0]
    names: list[str] = found["record"]["differences"]
    return names


def executed(run: Any) -> set[str]:
    """Return the stages of a run that were executed on a node."""
    return {stage["name"] for stage in run.document["stages"] if stage["state"] not in ("waiting", "skipped")}


@pytest.fixture(scope="module")
def recorded(deployed: dict[str, Any], controller: Controller) -> None:
    """Deploy until a run has changed nothing."""
    for options in ((), ("--assert-no-change",)):
        up = controller.inferfleet("up", *options)
        assert up.rc == 0, up
    assert differences(controller) == []


def test_a_run_without_changes_only_verifies_the_service(recorded: None, controller: Controller) -> None:
    up = controller.inferfleet("up", "--assert-no-change")
    assert up.rc == 0, up
    assert executed(up) == {"preflight", "verify"}
    assert differences(controller) == []


@pytest.mark.parametrize("name", REVERSIBLE)
def test_a_changed_node_is_noticed(recorded: None, lab: Lab, controller: Controller, name: str) -> None:
    breaking, restoring = REVERSIBLE[name]
    lab.ssh("node1", breaking.format(name))
    try:
        assert name in differences(controller)
    finally:
        lab.ssh("node1", restoring.format(name))
    assert differences(controller) == []


def test_a_new_client_and_an_option_make_the_run_complete(recorded: None, controller: Controller) -> None:
    for options in (("--complete",), ("-e", "max_num_seqs=7", "--check"), ("--tags", "node_baseline")):
        assert "node_baseline" in executed(controller.inferfleet("up", *options))
    assert controller.inferfleet("clients add", "noticed").rc == 0
    assert any("/gateway/" in name for name in differences(controller)) or differences(controller) == ["record"]
    assert controller.inferfleet("clients revoke", "noticed").rc == 0


def test_rewritten_files_are_noticed(recorded: None, lab: Lab, controller: Controller) -> None:
    for _ in range(2):
        assert controller.inferfleet("up").rc == 0
    for name, (breaking, restoring) in REWRITTEN.items():
        lab.ssh("node1", breaking.format(*[name] * 2))
        try:
            assert name in differences(controller)
        finally:
            lab.ssh("node1", restoring.format(name))
    up = controller.inferfleet("up")
    assert (up.rc, "node_baseline" in executed(up)) == (0, True), up
