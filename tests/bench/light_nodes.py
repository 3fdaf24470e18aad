"""Simulated nodes: containers on a network of their own that share one image, which holds a prepared node.

The first node is prepared by site.yml itself and kept as an image, so that 32 nodes need the disk of one and start in
seconds. The nodes have no engine.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import docker
import yaml
from docker.errors import NotFound
from docker.models.containers import Container
from docker.types import IPAMConfig, IPAMPool
from lab import images, nodes
from lab.checkpoint import hub_root
from lab.config import HUB_PORT, load
from lab.services import listens
from lab.shell import run

NAME = "inferfleet-bench"
REPOSITORY = f"{NAME}/node"
SUBNET = IPv4Network("198.18.6.0/24")  # RFC 2544, next to the network of the test cluster
CONTROLLER = SUBNET[1]
MAX_NODES = 64
ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".lab" / "bench"
KEY = STATE / "id_ed25519"
READY_TIMEOUT = 120.0  # seconds until systemd of a node must be ready
CPUACCT = Path("/sys/fs/cgroup/cpuacct/docker")
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_PER_NODE = 12  # 8 of a prepared node at rest (systemd, journald, D-Bus, udev, Docker), more while it starts


@dataclass(frozen=True)
class Node:
    """One simulated node, counted from 1, the head."""

    index: int

    @property
    def name(self) -> str:
        """Host name in the inventory."""
        return f"bench{self.index}"

    @property
    def address(self) -> IPv4Address:
        """Fixed address on the network of the simulated nodes."""
        return SUBNET[10] + self.index


class Hub:
    """The hub of the test cluster's checkpoint, for the simulated nodes only."""

    def __init__(self) -> None:
        argv = ["-m", "lab.hub", "--root", str(hub_root(load().cache)), "--host", str(CONTROLLER)]
        self._process = subprocess.Popen([sys.executable, *argv, "--port", str(HUB_PORT)], cwd=ROOT)
        while not listens(str(CONTROLLER), HUB_PORT):
            if self._process.poll() is not None:
                raise SystemExit("The hub ended. Start the test cluster once (`make lab`), which trains its model.")
            time.sleep(0.1)

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait()


def variables(count: int) -> dict[str, Any]:
    """Return the settings of the test cluster for the simulated nodes, with two nodes for each replica."""
    settings: dict[str, Any] = {}
    for file in sorted((ROOT / "inventories/lab/group_vars/all").glob("*.yml")):
        settings |= yaml.safe_load(file.read_text()) or {}
    own = {
        "cluster_network": str(SUBNET),
        "firewall_allowed_networks": [f"{CONTROLLER}/32"],
        "hub_endpoint": f"http://{CONTROLLER}:{HUB_PORT}",
        "image_pull": "missing",  # the test cluster's registry need not run, and what it has is part of the record
        "replicas": max(1, count // 2),
    }
    return settings | own


def hosts(count: int) -> dict[str, Any]:
    """Return the content of hosts.yml with so many nodes, the first one being the head."""
    members = [Node(index) for index in range(1, count + 1)]
    addresses = {node.name: {"ansible_host": str(node.address)} for node in members}
    connection = {
        "x_lab_state": str(STATE),
        "ansible_user": "root",
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_ssh_private_key_file": str(KEY),
        "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR",
    }
    groups = {
        "ray_head": {"hosts": {members[0].name: addresses[members[0].name]}},
        "ray_worker": {"hosts": {node.name: addresses[node.name] for node in members[1:]}},
    }
    return {"all": {"vars": connection, "children": groups}}


def inventory(count: int) -> Path:
    """Write the inventory of so many nodes and return its folder."""
    folder = STATE / f"bench{count}"
    (folder / "group_vars/all").mkdir(parents=True, exist_ok=True)
    (folder / "hosts.yml").write_text(yaml.safe_dump(hosts(count), sort_keys=False))
    (folder / "group_vars/all/main.yml").write_text(yaml.safe_dump(variables(count), sort_keys=False))
    return folder


def network(client: docker.DockerClient) -> None:
    """Create the network of the simulated nodes and their key unless they exist."""
    STATE.mkdir(parents=True, exist_ok=True)
    if not KEY.exists():
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", NAME, "-f", KEY])
    if not client.networks.list(names=[f"^{NAME}$"]):
        pool = IPAMPool(subnet=str(SUBNET), gateway=str(CONTROLLER))
        client.networks.create(NAME, driver="bridge", ipam=IPAMConfig(pool_configs=[pool]), labels={NAME: ""})


@contextmanager
def inotify_instances(count: int, limit: Path = INOTIFY) -> Iterator[None]:
    """Raise the kernel's limit of inotify instances, without which systemd of a node ends, for so many nodes.

    All containers of this machine count as one user.
    """
    before = limit.read_text()
    needed = int(before) + count * INOTIFY_PER_NODE
    try:
        limit.write_text(str(needed))
    except OSError as error:
        raise SystemExit(
            f"{count} nodes need fs.inotify.max_user_instances={needed}, which is {int(before)} and cannot be set here"
            f" ({error.strerror}). Run as root, or run `sysctl -w fs.inotify.max_user_instances={needed}` before."
        ) from error
    try:
        yield
    finally:
        limit.write_text(before)


def start(client: docker.DockerClient, node: Node, image: str) -> Container:
    """Start a node from the image, or leave it if it runs from it."""
    name = f"{NAME}-{node.name}"
    with suppress(NotFound):
        found = client.containers.get(name)
        if found.status == "running" and found.attrs["Config"]["Image"] == image:
            return found
        found.remove(force=True, v=True)
    endpoint = client.api.create_endpoint_config(ipv4_address=str(node.address))
    container: Container = client.containers.create(
        image,
        name=name,
        hostname=node.name,
        labels={NAME: ""},
        network=NAME,
        networking_config={NAME: endpoint},
        volumes=["/sys/fs/cgroup:/sys/fs/cgroup:rw", "/data/docker"],  # overlay2 does not work on top of an overlay,
        cap_add=nodes.CAPABILITIES,
        security_opt=["seccomp=unconfined", "apparmor=unconfined"],
        cgroupns="host",
        tmpfs={"/run": "", "/run/lock": "", "/tmp": "exec"},
    )
    container.put_archive("/", _identity())
    container.start()
    return container


def _identity() -> bytes:
    public = KEY.with_suffix(".pub").read_bytes()
    files = {
        "etc/ssh/ssh_host_ed25519_key": (KEY.read_bytes(), 0o600),
        "etc/ssh/ssh_host_ed25519_key.pub": (public, 0o644),
        "root/.ssh/authorized_keys": (public, 0o600),
    }
    return nodes.archive(files)


def wait(container: Container) -> None:
    """Wait until systemd of a node has started everything."""
    deadline = time.monotonic() + READY_TIMEOUT
    while (state := nodes.systemd_state(container)) not in nodes.READY_STATES:
        if time.monotonic() > deadline:
            raise SystemExit(f"{container.name} did not start within {READY_TIMEOUT:.0f} s (systemd: {state}).")
        time.sleep(0.5)


def processor_seconds(client: docker.DockerClient) -> float:
    """Return the processor time of all nodes so far."""
    return (
        sum(_processor_nanoseconds(client, str(node.id)) for node in client.containers.list(filters={"label": NAME}))
        / 1e9
    )


def _processor_nanoseconds(client: docker.DockerClient, container: str) -> int:
    """Return the processor time of a container; Docker reports none where its host has control groups of version 1."""
    usage = CPUACCT / container / "cpuacct.usage"
    if usage.exists():
        return int(usage.read_text())
    return int(client.api.stats(container, stream=False, one_shot=True)["cpu_stats"]["cpu_usage"]["total_usage"])


def bare_image(client: docker.DockerClient) -> str:
    """Return the image of a node that nothing has prepared, that of the test cluster."""
    return images.node(client, load().cache)


def prepared_image(client: docker.DockerClient) -> str | None:
    """Return the image of a prepared node, None if it must be made from a node first."""
    image = f"{REPOSITORY}:{_tag(client)}"
    return image if images.exists(client, image) else None


def keep(client: docker.DockerClient, node: Node) -> str:
    """Make the image of a prepared node from a node, remove the node, and return the image's name."""
    container = client.containers.get(f"{NAME}-{node.name}")
    container.stop()
    container.commit(repository=REPOSITORY, tag=_tag(client))
    container.remove(force=True, v=True)
    return f"{REPOSITORY}:{_tag(client)}"


def _tag(client: docker.DockerClient) -> str:
    return bare_image(client).rpartition(":")[2]


def remove(client: docker.DockerClient, *, image: bool = False) -> None:
    """Remove the nodes and their network, with `image` also the image of a prepared node."""
    for container in client.containers.list(all=True, filters={"label": NAME}):
        container.remove(force=True, v=True)
    for found in client.networks.list(names=[f"^{NAME}$"]):
        found.remove()
    for kept in client.images.list(name=REPOSITORY) if image else []:
        client.images.remove(str(kept.id), force=True)
