"""SSH to the nodes: keys of the lab, known host keys, and an ssh_config."""

from pathlib import Path

from lab.config import MAX_NODES, POOLS, LabConfig, Node
from lab.shell import run


def private_key(config: LabConfig) -> Path:
    """Return the path of the private key for all nodes."""
    return config.state / "ssh" / "id_ed25519"


def known_hosts(config: LabConfig) -> Path:
    """Path of the file with the nodes' host keys."""
    return config.state / "ssh" / "known_hosts"


def host_key(config: LabConfig, node: Node) -> Path:
    """Path of a node's private host key; its public key is next to it with `.pub`."""
    return config.state / "ssh" / f"{node.name}_host_ed25519"


def reachable(config: LabConfig) -> list[Node]:
    """Return the nodes of every pool that have a host key."""
    nodes = (Node(index, pool) for pool in POOLS for index in range(1, MAX_NODES + 1))
    return [node for node in nodes if host_key(config, node).exists()]


def client_config(config: LabConfig, nodes: list[Node]) -> str:
    """Return the content of an ssh_config with an entry for each of `nodes`."""
    common = (
        f'Host *\n  User root\n  IdentitiesOnly yes\n  IdentityFile "{private_key(config)}"\n'
        f'  UserKnownHostsFile "{known_hosts(config)}"\n  StrictHostKeyChecking yes\n  LogLevel ERROR\n'
    )
    return "".join(f"Host {node.name}\n  HostName {node.address}\n" for node in nodes) + common


def known_hosts_content(public_keys: dict[Node, str]) -> str:
    """Return known_hosts lines for each node's name and address; `public_keys` contains `type key comment`."""
    return "".join(f"{node.address},{node.name} {' '.join(key.split()[:2])}\n" for node, key in public_keys.items())


def _generate(key: Path, comment: str) -> None:
    """Generate an ed25519 key pair unless it exists."""
    if not key.exists():
        key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", key])


def prepare(config: LabConfig) -> str:
    """Create missing keys, known_hosts and ssh_config; return the path of ssh_config."""
    _generate(private_key(config), "inferfleet lab")
    for node in config.nodes:
        _generate(host_key(config, node), node.name)
    nodes = reachable(config)
    keys = {node: host_key(config, node).with_suffix(".pub").read_text() for node in nodes}
    known_hosts(config).write_text(known_hosts_content(keys))
    (config.state / "ssh_config").write_text(client_config(config, nodes))
    return str((config.state / "ssh_config").relative_to(config.checkout))
