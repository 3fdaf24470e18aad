"""Docker's disk of a node is full while the replica serves: it goes on serving, and starts again when there is space.

The disk is a file of this machine, as a loop device below the node's container_data_root.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from alert_history import notified, wait_until_notified
from breakages import findings
from lab_cluster import Controller, Lab, answers, eventually
from steady_load import SteadyLoad
from tests.faults.cluster import RANKS, Replica, replicas
from tests.faults.experiment import generation, serves

pytestmark = [pytest.mark.lab, pytest.mark.soak]  # four minutes
GATEWAY = "https://198.18.5.11:8443"
NODE = "node2"
ROOT_FOLDER = "/data/docker"
STARTS_WITHIN = 400  # seconds: the longest back-off after the attempts with a full disk, and the start of an engine
FILL = f"""
fallocate -l "$(df --output=avail -B1 {ROOT_FOLDER} | tail -1)" {ROOT_FOLDER}/filler
dd if=/dev/zero of={ROOT_FOLDER}/rest bs=1k 2>/dev/null || true
"""
# Not by `cp`, which fails for the access control lists of overlay2's work folders.
COPY = f"tar -C {ROOT_FOLDER} --xattrs --xattrs-include='*' -c . | tar -C /mnt/disk --xattrs --xattrs-include='*' -xp"
FREE = f"rm -f {ROOT_FOLDER}/filler {ROOT_FOLDER}/rest"


def in_node(controller: Controller, lab: Lab, script: str) -> None:
    """Run a shell script with the file systems of the node and the devices of this machine."""
    done = controller.run(["nsenter", "--target", str(lab.process(NODE)), "--mount", "sh", "-ec", script])
    assert done.rc == 0, done


@pytest.fixture(scope="module")
def own_disk(deployed: dict[str, Any], controller: Controller, lab: Lab) -> Iterator[Replica]:
    """Docker's folder of a node on a file system of its own, of 11 GiB: below 10 GB none is watched."""
    image = lab.state / "docker-disk.img"
    made = f"truncate -s 11G {image} && mkfs.ext4 -qm 0 {image} && losetup --find --show {image}"
    device = controller.run(["sh", "-ec", made]).text.split()[-1]
    number = device.removeprefix("/dev/loop")
    try:
        _restart(
            controller,
            lab,
            f"mknod {device} b 7 {number} || true; mkdir -p /mnt/disk; mount {device} /mnt/disk; {COPY}; "
            f"umount /mnt/disk; mount {device} {ROOT_FOLDER}",
        )
        (replica,) = replicas()
        yield replica
    finally:
        _restart(controller, lab, f"umount /mnt/disk {ROOT_FOLDER} || true; rm -f {device}")
        controller.run(["sh", "-c", f"losetup --detach {device}; rm {image}"])


def _restart(controller: Controller, lab: Lab, script: str) -> None:
    """Run a script while neither the replica nor Docker of the node runs."""
    stopped = controller.inferfleet("stop", "--yes")
    assert stopped.rc == 0, stopped
    lab.ssh(NODE, "systemctl stop docker.socket docker")
    in_node(controller, lab, script)
    lab.ssh(NODE, "systemctl start docker && systemctl restart inferfleet-node-exporter")
    start = controller.inferfleet("start")
    assert start.rc == 0, start
    eventually(answers, STARTS_WITHIN, "the replica answers")


@pytest.fixture
def full(own_disk: Replica, lab: Lab) -> Iterator[Replica]:
    lab.ssh(NODE, FILL)
    yield own_disk
    lab.ssh(NODE, FREE)


def test_replica_serves_and_the_full_disk_is_reported(full: Replica, controller: Controller, lab: Lab) -> None:
    with SteadyLoad(GATEWAY) as load:
        wait_until_notified({"DiskFull"}, 120)
        doctor = controller.inferfleet("doctor")
    assert load.failed == {}
    assert load.outcomes["ok"] > 0
    finding = findings(doctor.document)["disk-full"]
    assert (finding["node"], finding["severity"]) == (NODE, "error"), doctor
    assert any(ROOT_FOLDER in trace["text"] for trace in finding["evidence"]), finding
    assert finding["remedy"]


def test_replica_that_failed_meanwhile_starts_when_there_is_space(full: Replica, lab: Lab) -> None:
    before = generation(full)
    lab.ssh(NODE, f"kill -KILL $(pgrep -f '{RANKS}')")
    eventually(lambda: generation(full) > before, 60, "the group stops")
    lab.ssh(NODE, FREE)
    eventually(lambda: serves(full) and answers(), STARTS_WITHIN, "the replica serves again")
    eventually(lambda: "DiskFull" not in notified(), 120, "the alert is resolved")
