"""The inventory as the checks use it."""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inferfleet.components import GROUPS
from inferfleet.inventory.sources import Sources
from inferfleet.messages import N_, Message, Problem
from inferfleet.settings.model import Settings

MAGIC = frozenset(
    {
        *("environment", "group_names", "groups", "hostvars", "inventory_dir", "inventory_file", "inventory_hostname"),
        *("inventory_hostname_short", "omit", "play_hosts", "playbook_dir", "role_name", "role_names", "role_path"),
        *("role_uuid", "vars"),
    }
)
"""Variables that Ansible itself sets."""
CUSTOM_PREFIX = "x_"
"""Prefix of the user's own variables and groups, which are not validated."""
CLUSTER_FILE = "group_vars/all/10_cluster.yml"
"""File of an inventory that sets variables of all hosts."""
HOSTS = "{hosts}"
"""Placeholder in the parameter `hosts` of a problem, which `group_by_problem` replaces."""


@dataclass(frozen=True)
class Inventory:
    """Hosts by group, and the variables of each host."""

    groups: Mapping[str, Sequence[str]]
    variables: Mapping[str, Mapping[str, Any]]
    options: Mapping[str, Mapping[str, Any]] | None = None
    """Role variables that may be set, with their argument specs; None without a checkout."""
    unresolved: Mapping[str, Mapping[str, Message | str]] = field(default_factory=dict)
    """By host, the variables whose expression cannot be evaluated, with the reason."""
    sources: Sources = field(default_factory=Sources)
    """What its files contain that Ansible ignores."""
    extra: frozenset[str] = frozenset()
    """Variables given with -e."""

    @property
    def hosts(self) -> list[str]:
        """Hosts of the deployment, each once, in inventory order."""
        return list(dict.fromkeys(h for g in GROUPS for h in self.groups.get(g, ())))

    def has(self, group: str, host: str) -> bool:
        """Return whether `host` is in `group`."""
        return host in self.groups.get(group, ())

    def sets(self, name: str) -> bool:
        """Return whether the user set variable `name`, as opposed to a script or plugin that provides hosts."""
        return not self.sources.dynamic or name in self.sources.written or name in self.extra

    def places(self, name: str) -> Message | list[str]:
        """Return where variable `name` is set, or may be set, for a message."""
        if name in self.extra:
            return Message("", N_("the -e option"))
        return list(self.sources.written.get(name, (CLUSTER_FILE,)))

    def describe_hosts(self, hosts: Sequence[str]) -> Message | list[str]:
        """Return `hosts` for a message: their names, or "all hosts"."""
        everywhere = len(hosts) == len(self.hosts) and len(hosts) > 1
        return Message("", N_("all hosts")) if everywhere else list(hosts)

    def group_by_problem(self, problems: Iterable[tuple[str, Problem]]) -> list[Problem]:
        """Return each problem once, with all affected hosts in its parameter `hosts`."""
        by_problem: dict[Problem, list[str]] = {}
        for host, problem in problems:
            by_problem.setdefault(problem, []).append(host)
        return [problem.with_parameters(hosts=self.describe_hosts(hosts)) for problem, hosts in by_problem.items()]


def declared_address(host: str, variables: Mapping[str, Any]) -> str:
    """Return a host's address in the inventory: `cluster_address`, else `ansible_host`, which may be a name.

    The planner selects the address on the cluster network, with the node's facts.
    """
    return str(variables.get("cluster_address") or variables.get("ansible_host") or host)


def is_ipv4(value: str) -> bool:
    """Return whether a text is an IPv4 address."""
    try:
        ipaddress.IPv4Address(value)
    except ValueError:
        return False
    return True


def settings_values(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return a host's settings."""
    return {name: variables[name] for name in Settings.model_fields if name in variables}
