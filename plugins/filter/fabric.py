"""Filters of what reads or proves the network."""

from __future__ import annotations

from inferfleet.catalog import load_accelerator
from inferfleet.components import settings_read
from inferfleet.fabric import mesh_ports
from inferfleet.fabric.bandwidth import sizes
from inferfleet.inventory.model import cluster_address


def cluster_addresses(hosts, hostvars):
    """Return the addresses of hosts on the cluster network."""
    return [cluster_address(host, hostvars[host]) for host in hosts]


def fabric_ports(plan, variables, groups, proof_port):
    """Return the ports at which other nodes must reach a node, given its plan, its variables and its groups."""
    settings = {name: variables[name] for name in settings_read()} | {"engine_port": plan["port"]}
    settings |= {name: plan[name] for name in ("engine", "executor", "data_parallel_size")}
    return mesh_ports(settings, groups, int(proof_port))


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
