"""The nodes of a service, in the form the planner expects."""

from collections.abc import Mapping
from typing import Any

from inferfleet.inventory.model import declared_address
from inferfleet.inventory.services import Service


def service_nodes(
    service: Service, variables: Mapping[str, Mapping[str, Any]], facts: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Return inventory values and facts of each node; `facts` are flat, by host."""
    return {
        host: {
            **facts[host],
            "name": host,
            "role": role,
            "address": declared_address(host, variables[host]),
            "cluster_address": str(variables[host].get("cluster_address") or ""),
            "interface": str(variables[host].get("cluster_interface") or ""),
            "cluster_rdma": str(variables[host].get("cluster_rdma") or ""),
        }
        for role, hosts in (("head", service.heads), ("worker", service.workers))
        for host in hosts
    }
