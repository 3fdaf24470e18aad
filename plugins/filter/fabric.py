"""Filters of what reads or proves the network."""

from __future__ import annotations

from inferfleet.contract.inventory import cluster_address


def cluster_addresses(hosts, hostvars):
    """Return the addresses of hosts on the cluster network."""
    return [cluster_address(host, hostvars[host]) for host in hosts]


class FilterModule:
    """The filters by name."""

    def filters(self):
        """Return them."""
        return {"cluster_addresses": cluster_addresses}
