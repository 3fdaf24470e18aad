"""Filters of the node roles."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError

from inferfleet.bundle import image_file
from inferfleet.messages.message import plain
from inferfleet.nodes import (
    PoolError,
    accelerator_check_argv,
    accelerators_not_visible,
    address_pools,
    clock_skew,
    digest_of,
    docker_start_error,
    holds_image,
    image_choice,
    image_difference,
    image_processor,
    image_pull_failure,
    image_source,
    package_manager,
    package_spec,
    pool_problem,
    repository_reason,
    system_entry,
    system_images,
    system_key,
)
from inferfleet.nodes.reachability import PROBE, python_of
from inferfleet.proxies import bypass_given_proxy, bypass_proxy, in_both_cases


def docker_address_pools(given, cluster_network, nodes):
    """Return `default-address-pools`; fail if one overlaps a network of the cluster."""
    try:
        return address_pools(given, cluster_network, nodes)
    except PoolError as problem:
        raise AnsibleFilterError(str(problem)) from problem


def python_probe(variables):
    """Return the shell command that prints the Python version of a host."""
    return PROBE.replace("{python}", python_of(variables))


def _problems(find):
    """Return a filter that returns the problem of `find` in JSON form, in a list of one or none."""
    return lambda *args: [problem.as_dict() for problem in [find(*args)] if problem]


class FilterModule:
    """Filters by name."""

    def filters(self):
        """Return the filters by name."""
        return {
            "bundle_file": image_file,
            "bypass_given_proxy": bypass_given_proxy,
            "bypass_proxy": bypass_proxy,
            "in_both_cases": in_both_cases,
            "accelerators_not_visible": _problems(accelerators_not_visible),
            "clock_skew": _problems(clock_skew),
            "docker_start_error": lambda journal: plain(docker_start_error(journal)),
            "docker_address_pools": docker_address_pools,
            "holds_image": holds_image,
            "image_choice": image_choice,
            "recorded_digest": digest_of,
            "image_difference": _problems(image_difference),
            "image_processor": _problems(image_processor),
            "image_pull_failure": _problems(image_pull_failure),
            "image_source": image_source,
            "package_repository_reason": lambda result: plain(repository_reason(result)),
            "package_manager": package_manager,
            "package_spec": package_spec,
            "docker_address_pool_problems": _problems(pool_problem),
            "accelerator_check_argv": accelerator_check_argv,
            "python_probe": python_probe,
            "system_images": lambda given: {**system_images(), **given},
            "system_key": system_key,
            "system_entry": system_entry,
        }
