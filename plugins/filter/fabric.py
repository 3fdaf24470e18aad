"""Filters of what reads or proves the network."""

from __future__ import annotations

from inferfleet.catalog import load_accelerator
from inferfleet.fabric import mesh_ports
from inferfleet.fabric.bandwidth import sizes
from inferfleet.inventory.model import cluster_address


def cluster_addresses(hosts, hostvars):
    """Return the addresses of hosts on the cluster network."""
    return [cluster_address(host, hostvars[host]) for host in hosts]


def fabric_ports(contract, head, proof_port):
    """Return the ports at which other nodes must reach a node; `contract` has the keys that name ports."""
    return mesh_ports(contract, head=head, proof_port=int(proof_port))


def fabric_backend(accelerator):
    """Return torch.distributed's backend for an accelerator of the catalog; empty where we know of none."""
    return {"nvidia": "nccl", "amd": "nccl", "cpu": "gloo"}.get(load_accelerator(accelerator).vendor, "")


class FilterModule:
    """The filters by name."""

    def filters(self):
        """Return them."""
        return {
            "cluster_addresses": cluster_addresses,
            "fabric_backend": fabric_backend,
            "fabric_ports": fabric_ports,
            "fabric_sizes": sizes,
        }
