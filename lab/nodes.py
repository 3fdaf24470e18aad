"""The nodes: containers with systemd and SSH that represent bare servers."""

import io
import tarfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any, cast

import docker
from docker.errors import NotFound
from docker.models.containers import Container
from docker.models.networks import Network
from docker.types import IPAMConfig, IPAMPool

from lab import gpus, ssh
from lab.config import CONTROLLER, SUBNET, LabConfig, Node
from lab.problem import LabError
from lab.shell import run

LABEL = "inferfleet.lab"
CHECKOUT_LABEL = f"{LABEL}.checkout"
ISOLATION = [
    ["--match", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "--jump", "ACCEPT"],
    ["--out-interface", "lo", "--jump", "ACCEPT"],
    ["--destination", str(CONTROLLER), "--jump", "REJECT"],
    ["--destination", str(SUBNET), "--jump", "ACCEPT"],
    ["--jump", "REJECT"],
]
READY_STATES = {"running", "degraded"}  # systemd has finished starting; failed units are accepted
READY_TIMEOUT = 90.0  # seconds until systemd and sshd of a node must be ready
# Capabilities of systemd and an inner Docker engine. No --privileged and no raised limits: hosts that are
# containers or small virtual machines cannot grant them.
WRITABLE_CGROUP = "mount -o remount,rw /sys/fs/cgroup"
CAPABILITIES = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_ADMIN",
    "SYS_NICE",
    "MKNOD",
    "AUDIT_WRITE",
    "SETFCAP",
    "SYSLOG",
]


def container_name(config: LabConfig, node: Node) -> str:
    """Return the container name of a node, different for each checkout."""
    return f"{config.prefix}-{node.name}"


def network(client: docker.DockerClient, config: LabConfig) -> str:
    """Create the cluster network unless it exists; return its subnet.

    Raises LabError if another network uses the subnet.
    """
    if _own_network(client, config):
        return str(SUBNET)
    if holder := subnet_holder(client):
        raise LabError(
            f"The Docker network {holder.name} uses {SUBNET}. Run `make down` in {owner(holder) or 'its checkout'}, "
            f"or remove it with `docker network rm {holder.name}`."
        )
    pool = IPAMPool(subnet=str(SUBNET), gateway=str(CONTROLLER))
    client.networks.create(
        config.prefix,
        driver="bridge",
        ipam=IPAMConfig(pool_configs=[pool]),
        labels={LABEL: config.prefix, CHECKOUT_LABEL: str(config.checkout)},
    )
    return str(SUBNET)


def _own_network(client: docker.DockerClient, config: LabConfig) -> Network | None:
    return next(
        (found for found in client.networks.list(names=[config.prefix]) if found.name == config.prefix),
        None,
    )


def owner(network: Network) -> str | None:
    """Return the checkout that owns a network."""
    labels: dict[str, str] = network.attrs.get("Labels") or {}
    return labels.get(CHECKOUT_LABEL)


def subnet_holder(client: docker.DockerClient) -> Network | None:
    """Return the Docker network that overlaps the cluster network."""
    for found in client.networks.list():
        pools = (found.attrs["IPAM"] or {}).get("Config") or []
        if any(ip_network(pool["Subnet"]).overlaps(SUBNET) for pool in pools if "." in pool.get("Subnet", "")):
            return found
    return None


def identity(config: LabConfig, node: Node, files: Mapping[str, tuple[bytes, int]] | None = None) -> bytes:
    """Return a tar archive with the identity of a node: its host key, authorized keys, and further `files`."""
    key = ssh.host_key(config, node)
    keys = {
        "etc/ssh/ssh_host_ed25519_key": (key.read_bytes(), 0o600),
        "etc/ssh/ssh_host_ed25519_key.pub": (key.with_suffix(".pub").read_bytes(), 0o644),
        "root/.ssh/authorized_keys": (ssh.private_key(config).with_suffix(".pub").read_bytes(), 0o600),
    }
    return archive({**keys, **(files or {})})


def archive(files: Mapping[str, tuple[bytes, int]]) -> bytes:
    """Return a tar archive of path → (content, mode), and the folder /root/.ssh."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        folder = tarfile.TarInfo("root/.ssh")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o700
        tar.addfile(folder)
        for path, (content, mode) in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def start(client: docker.DockerClient, config: LabConfig, node: Node, image: str) -> str:
    """Start one node with `image`: create, recreate (other image) or start it; return what was done."""
    name = container_name(config, node)
    try:
        container = client.containers.get(name)
        if container.attrs["Config"]["Image"] == image and container.labels.get(LABEL) == config.prefix:
            if container.status == "running" and systemd_state(container) in READY_STATES:
                return f"{node.address} unchanged"
            container.start()  # no effect on a booting container
            return f"{node.address} {_wait(config, node, container)}, started"
        container.remove(force=True)
    except NotFound:
        pass
    hardware = Hardware.of(client, config, node)
    container = _create(client, config, node, image, hardware)
    container.put_archive("/", identity(config, node, hardware.files))
    container.start()
    return f"{node.address} {_wait(config, node, container)}, created"


@dataclass(frozen=True)
class Hardware:
    """What a node's container receives of the machine: options for Docker, volumes and files."""

    options: Mapping[str, Any]
    volumes: Sequence[str] = ()
    files: Mapping[str, tuple[bytes, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, client: docker.DockerClient, config: LabConfig, node: Node) -> "Hardware":
        """Return the hardware of a node; with accelerators, its share of the machine's."""
        version = str(client.info().get("CgroupVersion", "1"))
        if not config.accelerator:
            return cls(container_options(version))
        driver, found = gpus.driver_folder(config.state), gpus.read()
        share = gpus.divide(found, config.node_count)[node.index - 1]
        foreign = [gpu for gpu in found if gpu not in share]
        pci = gpus.write_pci(config.state / "pci" / node.name, gpus.pci_links(gpus.PCI, foreign))
        return cls(
            container_options(version, gpus.devices(share)),
            gpus.volumes(driver, pci),
            gpus.node_files(share, foreign, gpus.driver_version(driver)),
        )


def container_options(cgroup_version: str, devices: Sequence[str] = ()) -> dict[str, Any]:
    """Return the options of a node's container that depend on the machine's cgroup version and the node's `devices`.

    No container is privileged, even with devices: it would receive those of other nodes, too, and the driver's library
    creates missing device files. With devices on cgroup v2, systemd and the inner Docker have a cgroup namespace of
    their own, as on a server; Docker mounts it read-only, so it is mounted again before systemd starts.
    """
    private = bool(devices) and cgroup_version == "2"
    return {
        "cap_add": CAPABILITIES,
        "security_opt": ["seccomp=unconfined", "apparmor=unconfined"],
        "cgroupns": "private" if private else "host",
        "volumes": [] if private else ["/sys/fs/cgroup:/sys/fs/cgroup:rw"],
        "shm_size": gpus.SHARED_MEMORY if devices else "2g",
        **({"devices": list(devices)} if devices else {}),
        **({"command": ["/bin/sh", "-c", f"{WRITABLE_CGROUP} && exec /lib/systemd/systemd"]} if private else {}),
    }


def _create(client: docker.DockerClient, config: LabConfig, node: Node, image: str, hardware: Hardware) -> Container:
    name = container_name(config, node)
    # overlay2 does not work on top of an overlay: both possible data roots are volumes.
    volumes = {f"{name}-docker": "/var/lib/docker", f"{name}-data": "/data"}
    for volume in volumes:
        client.volumes.create(volume, labels={LABEL: config.prefix})
    endpoint = client.api.create_endpoint_config(ipv4_address=str(node.address))
    return client.containers.create(
        image,
        name=name,
        hostname=node.name,
        labels={LABEL: config.prefix},
        network=config.prefix,
        networking_config={config.prefix: endpoint},
        volumes=[
            *(f"{volume}:{path}:rw" for volume, path in volumes.items()),
            *hardware.volumes,
            *hardware.options["volumes"],
        ],
        restart_policy={"Name": "always"},
        tmpfs={"/run": "", "/run/lock": "", "/tmp": "exec"},
        **{name: value for name, value in hardware.options.items() if name != "volumes"},
    )


def command_output(container: Container, command: list[str]) -> str:
    """Run a command in a node and return its output, including errors."""
    output = cast(bytes, container.exec_run(command).output)  # bytes, because stream is not set
    return output.decode(errors="replace").strip()


def systemd_state(container: Container) -> str:
    """Return the systemd state of a node, for example `running`."""
    return command_output(container, ["systemctl", "is-system-running"])


def _wait(config: LabConfig, node: Node, container: Container) -> str:
    """Wait until systemd and SSH are ready; return the state of systemd."""
    deadline = time.monotonic() + READY_TIMEOUT
    state = "unknown"
    while time.monotonic() < deadline:
        state = systemd_state(container)
        if state in READY_STATES:
            run(["ssh", "-F", config.state / "ssh_config", "-o", "ConnectTimeout=10", node.name, "true"])
            return state
        time.sleep(0.3)
    raise LabError(
        f"{node.name} did not start within {READY_TIMEOUT:.0f} s (systemd state: {state}). "
        f"See `python -m lab logs {node.name}`."
    )


def isolate(container: Container, undo: bool) -> str:
    """Block outgoing connections of a node (or restore them), except to other nodes of its network.

    The controller's address serves the registry, the hub and internet access, so only connections opened by the node
    are blocked. The rules are set from outside the node, which may have no firewall.
    """
    enter = ["nsenter", f"--target={container.attrs['State']['Pid']}", "--net", "iptables", "--wait"]
    run([*enter, "--flush", "OUTPUT"])
    for rule in [] if undo else ISOLATION:
        run([*enter, "--append", "OUTPUT", *rule])
    return str(container.name)


def containers(client: docker.DockerClient, config: LabConfig, pool: str = "") -> list[Container]:
    """Return the node containers of this checkout, running or not, of one pool or all."""
    filters: dict[str, str | list[str] | bool] = {
        "label": f"{LABEL}={config.prefix}",
        "name": f"^/{config.prefix}-{pool}",
    }
    return list(client.containers.list(all=True, filters=filters))


def surplus(client: docker.DockerClient, config: LabConfig) -> list[Container]:
    """Return the containers of the pool beyond the node count."""
    wanted = {container_name(config, node) for node in config.nodes}
    return [found for found in containers(client, config, config.pool) if found.name not in wanted]


def remove(client: docker.DockerClient, containers: list[Container]) -> list[str]:
    """Remove nodes with their volumes; return the containers' names."""
    for container in containers:
        container.remove(force=True)
        for suffix in ("docker", "data"):
            try:
                client.volumes.get(f"{container.name}-{suffix}").remove()
            except NotFound:
                continue
    return [str(container.name) for container in containers]


def remove_network(client: docker.DockerClient, config: LabConfig) -> list[str]:
    """Remove the cluster network and the volumes without a container; return their names."""
    names = []
    for volume in client.volumes.list(filters={"label": f"{LABEL}={config.prefix}"}):
        volume.remove()
        names.append(str(volume.name))
    if found := _own_network(client, config):
        found.remove()
        names.append(str(found.name))
    return names
