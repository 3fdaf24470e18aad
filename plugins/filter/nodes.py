"""Filters of the node roles."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError

from inferfleet.bundle import image_file
from inferfleet.nodes import (
    PoolError,
    address_pools,
    clock_skew,
    docker_complaint,
    explain_blindness,
    image_choice,
    image_difference,
    image_processor,
    image_source,
    package_spec,
    proof_argv,
    repository_reason,
    system_family,
    system_key,
)
from inferfleet.nodes.reach import PROBE, python_of


def docker_address_pools(given, cluster_network, nodes):
    """Return `default-address-pools`; one that collides with the cluster's networks fails."""
    try:
        return address_pools(given, cluster_network, nodes)
    except PoolError as problem:
        raise AnsibleFilterError(str(problem)) from problem


def python_probe(variables):
    """Return the shell command that prints which Python a host has, by the host's variables."""
    return PROBE.replace("{python}", python_of(variables))


class FilterModule:
    """The filters by name."""

    def filters(self):
        """Return them."""
        return {
            "bundle_file": image_file,
            "clock_skew": clock_skew,
            "docker_complaint": docker_complaint,
            "docker_address_pools": docker_address_pools,
            "explain_blindness": explain_blindness,
            "image_choice": image_choice,
            "image_difference": image_difference,
            "image_processor": image_processor,
            "image_source": image_source,
            "package_repository_reason": repository_reason,
            "package_spec": package_spec,
            "proof_argv": proof_argv,
            "python_probe": python_probe,
            "system_family": system_family,
            "system_key": system_key,
        }
