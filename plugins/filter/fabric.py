"""Filters for network facts and the fabric check."""

from __future__ import annotations

from inferfleet.catalog import load_accelerator
from inferfleet.components import settings_read
from inferfleet.fabric import ephemeral_ports, mesh_ports
from inferfleet.fabric.bandwidth import sizes
from inferfleet.inventory.model import declared_address
from inferfleet.inventory.services import serving_groups


def cluster_addresses(hosts, hostvars):
    """Return the addresses of hosts in the inventory."""
    return [declared_address(host, hostvars[host]) for host in hosts]


def fabric_ports(plan, variables, groups, host, measurement_port):
    """Return the ports on which other nodes must reach a node, from its plan, variables and groups."""
    groups = serving_groups(groups, plan["nodes"][host]["role"])
    settings = {name: variables[name] for name in (*settings_read(), "groups")} | {"engine_port": plan["port"]}
    settings |= {name: plan[name] for name in ("engine", "executor", "data_parallel_size")}
    return mesh_ports(settings, groups, int(measurement_port), ephemeral=ephemeral_ports(variables))


def fabric_backend(accelerator):
    """Return torch.distributed's backend for an accelerator of the catalog; empty if there is none."""
    return {"nvidia": "nccl", "amd": "nccl", "cpu": "gloo"}.get(load_accelerator(accelerator).vendor, "")


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {
            "cluster_addresses": cluster_addresses,
            "fabric_backend": fabric_backend,
            "fabric_ports": fabric_ports,
            "fabric_sizes": sizes,
        }
