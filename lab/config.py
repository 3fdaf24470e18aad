"""Configuration of the test cluster: names, addresses and paths, all derived from the checkout."""

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

SUBNET = IPv4Network("198.18.5.0/24")  # RFC 2544 benchmark range, not used by real networks
CONTROLLER = SUBNET[1]
REGISTRY_PORT = 5000
HUB_PORT = 8090
DEFAULT_NODES = 2
MAX_NODES = 8
# Sets of nodes on the same network: name, and the address before that of the first node.
POOLS = {"node": SUBNET[10], "molecule": SUBNET[20], "trixie": SUBNET[30], "airgap": SUBNET[40], "bullseye": SUBNET[50]}
RELEASES = {
    "trixie": "trixie",
    "bullseye": "bullseye",
}  # pools with another Debian release than the controller
# Committed inventories of pools other than the default one.
INVENTORIES = {
    "molecule": "molecule/inventory",
    "trixie": "molecule/prepare_debian13/inventory",
    "airgap": "molecule/offline_bundle/inventory",
    "bullseye": "molecule/prepare_debian11/inventory",
}
DEFAULT_POOL = "node"
ACCELERATORS = ("", "nvidia")


@dataclass(frozen=True)
class Node:
    """One container node: `index` counts from 1 (the head) within its pool, a key of `POOLS`."""

    index: int
    pool: str = DEFAULT_POOL

    @property
    def name(self) -> str:
        """Host name in the inventory."""
        return f"{self.pool}{self.index}"

    @property
    def address(self) -> IPv4Address:
        """Fixed address on the cluster network."""
        return POOLS[self.pool] + self.index


@dataclass(frozen=True)
class LabConfig:
    """The test cluster of one checkout.

    `checkout` is the root of the repository, `node_count` the number of nodes (1 to 8), `cache` the folder of artifacts
    shared by all checkouts of this user, `pool` the set of nodes, a key of `POOLS`. `accelerator` is empty or `nvidia`,
    `bundle` the air-gap bundle of a machine without internet access.
    """

    checkout: Path
    node_count: int
    cache: Path
    pool: str = DEFAULT_POOL
    accelerator: str = ""
    bundle: Path | None = None

    def __post_init__(self) -> None:
        if self.accelerator not in ACCELERATORS:
            raise ValueError(f"LAB_ACCELERATOR is {self.accelerator}. Leave it empty or set it to nvidia.")
        if self.accelerator and self.pool != DEFAULT_POOL:
            raise ValueError(f"Pool {self.pool} has no accelerators. Use the pool {DEFAULT_POOL}.")
        if self.bundle and not self.accelerator:
            raise ValueError("LAB_BUNDLE is set without LAB_ACCELERATOR. Set LAB_ACCELERATOR to nvidia.")
        if self.pool not in POOLS:
            raise ValueError(f"Pool {self.pool} does not exist. Use one of {', '.join(POOLS)}.")
        if not 1 <= self.node_count <= MAX_NODES:
            raise ValueError(f"LAB_NODES is {self.node_count}. Set it to a number from 1 to {MAX_NODES}.")

    @property
    def nodes(self) -> list[Node]:
        """The nodes, head first."""
        return [Node(index, self.pool) for index in range(1, self.node_count + 1)]

    @cached_property
    def prefix(self) -> str:
        """Prefix of every Docker name, different for each checkout."""
        return f"inferfleet-{hashlib.sha256(bytes(self.checkout)).hexdigest()[:6]}"

    @property
    def state(self) -> Path:
        """State of this checkout: keys, logs, process ids, generated inventories."""
        return self.checkout / ".lab"

    @property
    def release(self) -> str:
        """Name of the Debian release of the nodes; empty: that of the controller."""
        if self.accelerator:
            return "trixie"  # the Docker of earlier releases has no Container Device Interface
        return RELEASES.get(self.pool, "")

    @property
    def inventory(self) -> Path:
        """The inventory folder that describes these nodes."""
        if self.pool in INVENTORIES:
            return self.checkout / INVENTORIES[self.pool]
        if self.accelerator:
            return self.state / "inventories" / f"lab{self.node_count}-{self.accelerator}"
        if self.node_count == DEFAULT_NODES:
            return self.checkout / "inventories" / "lab"
        return self.state / "inventories" / f"lab{self.node_count}"


def load(
    node_count: int = DEFAULT_NODES, pool: str = DEFAULT_POOL, accelerator: str = "", bundle: Path | None = None
) -> LabConfig:
    """Return the configuration of the checkout that contains this package.

    Raises ValueError when `node_count` is out of range, or there is no such pool or accelerator.
    """
    cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return LabConfig(
        checkout=Path(__file__).resolve().parent.parent,
        node_count=node_count,
        cache=cache_home / "inferfleet-lab",
        pool=pool,
        accelerator=accelerator,
        bundle=bundle,
    )
