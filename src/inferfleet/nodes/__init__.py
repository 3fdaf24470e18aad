"""Host systems of the nodes: decisions of the node roles, computed without Ansible or I/O."""

from inferfleet.nodes.accelerator_check import accelerator_check_argv, accelerators_not_visible
from inferfleet.nodes.clocks import clock_skew
from inferfleet.nodes.docker import docker_start_error
from inferfleet.nodes.images import (
    digest_of,
    holds_image,
    image_choice,
    image_difference,
    image_processor,
    image_pull_failure,
    image_source,
)
from inferfleet.nodes.pools import PoolError, address_pools, pool_problem
from inferfleet.nodes.repositories import repository_reason
from inferfleet.nodes.systems import (
    oldest_systems,
    package_manager,
    package_spec,
    supported,
    system_entry,
    system_images,
    system_key,
    system_of,
)

__all__ = [
    "PoolError",
    "accelerator_check_argv",
    "accelerators_not_visible",
    "address_pools",
    "clock_skew",
    "digest_of",
    "docker_start_error",
    "holds_image",
    "image_choice",
    "image_difference",
    "image_processor",
    "image_pull_failure",
    "image_source",
    "oldest_systems",
    "package_manager",
    "package_spec",
    "pool_problem",
    "repository_reason",
    "supported",
    "system_entry",
    "system_images",
    "system_key",
    "system_of",
]
