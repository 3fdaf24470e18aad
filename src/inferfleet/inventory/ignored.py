"""Refuse what would be ignored: groups and hosts outside the deployment, and variable files that apply to none."""

import difflib
import re
from collections.abc import Iterator, Mapping

from inferfleet.components import GROUPS
from inferfleet.inventory.model import CUSTOM_PREFIX, Inventory
from inferfleet.inventory.services import PREFIX
from inferfleet.messages import N_, Problem

_ANSIBLE = ("all", "ungrouped")
_CONTROLLER = "localhost"
_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_:](?:[A-Za-z0-9_.:-]*[A-Za-z0-9_:])?")  # also an address
_NEAR = 0.8
"""Similarity from which a group is taken for a misspelled one; `ray_nodes` and `ray_head` have 0.6."""


def check_sources(inventory: Inventory) -> list[Problem]:
    """Return what Ansible ignores in the inventory's files."""
    return list(inventory.sources.problems)


def check_host_names(inventory: Inventory) -> list[Problem]:
    """Refuse names of hosts that SSH and command lines cannot use, and those of groups, which --limit would select."""
    groups = {*inventory.groups, *_ANSIBLE}
    return [
        Problem(
            "bad-host-name",
            N_("Host '{host}' has the name of a group."),
            N_("Rename the host."),
            host=host,
        )
        for host in _all_hosts(inventory)
        if host in groups
    ] + [
        Problem(
            "bad-host-name",
            N_("Host '{host}' has an invalid name."),
            N_("Use ASCII letters, digits, '.', '-' and '_', and begin and end with a letter or digit."),
            host=host,
        )
        for host in _all_hosts(inventory)
        if not _NAME.fullmatch(host)
    ]


def check_unknown_groups(inventory: Inventory) -> list[Problem]:
    """Refuse a group with a misspelled name, and one with a host that the deployment would ignore."""
    problems, reported = [], set[str]()
    unknown = {name: _near_group(name) for name in inventory.groups if not _is_known(name)}
    ignored = _ignored_hosts(inventory)
    # Of nested groups, the inner one is reported.
    for name, near in sorted(unknown.items(), key=lambda item: (not item[1], len(inventory.groups[item[0]]))):
        hosts = [host for host in inventory.groups[name] if host in ignored and host not in reported]
        own = f"{CUSTOM_PREFIX}{name}"
        if near:
            template = N_("Group {group} is unknown.")
            remedy = N_("Did you mean {near}? Otherwise rename your own group to {own}.")
            problems.append(Problem("unknown-group", template, remedy, group=name, near=near, own=own))
        elif hosts:
            template = N_("Group {group} is unknown, and its hosts {hosts} are in no group of the deployment.")
            remedy = N_("Add them to one of {groups}, or rename your own group to {own}.")
            about = {"group": name, "hosts": hosts, "groups": list(GROUPS), "own": own}
            problems.append(Problem("unknown-group", template, remedy, **about))
        reported.update(inventory.groups[name] if near else hosts)
    if hosts := [host for host in ignored if host not in reported]:
        problems.append(
            Problem(
                "unused-host",
                N_("No group of the deployment contains {hosts}."),
                N_("Add them to one of {groups}, to a group of your own such as {own}, or remove them."),
                hosts=hosts,
                groups=list(GROUPS),
                own=f"{CUSTOM_PREFIX}other",
            )
        )
    return problems


def check_variable_files(inventory: Inventory) -> list[Problem]:
    """Refuse files in group_vars and host_vars whose name is no group or host."""
    names = {
        "group_vars": {*inventory.groups, *GROUPS, *_ANSIBLE},
        "host_vars": {*_all_hosts(inventory), _CONTROLLER},
    }
    return list(_unused_files(inventory, names))


def _unused_files(inventory: Inventory, names: Mapping[str, set[str]]) -> Iterator[Problem]:
    for kind, name, path in inventory.sources.variable_files:
        near = difflib.get_close_matches(name, sorted(names[kind]), n=1, cutoff=0.6)
        if name in names[kind] or (inventory.sources.dynamic and not near):
            continue  # a script or a plugin may define the group or host at another time
        if kind == "group_vars":
            template = N_("{path} has no effect: there is no group {name}.")
        else:
            template = N_("{path} has no effect: there is no host {name}.")
        if near:
            yield Problem("unused-variables", template, N_("Did you mean {near}?"), path=path, name=name, near=near[0])
        else:
            yield Problem("unused-variables", template, N_("Rename or remove it."), path=path, name=name)


def _all_hosts(inventory: Inventory) -> list[str]:
    return list(dict.fromkeys(host for hosts in inventory.groups.values() for host in hosts))


def _ignored_hosts(inventory: Inventory) -> list[str]:
    """Return the hosts that are in no group of the deployment and in none of the user's own."""
    if inventory.sources.dynamic:
        return []
    own = {h for name, hosts in inventory.groups.items() if name.startswith(CUSTOM_PREFIX) for h in hosts}
    used = {*inventory.hosts, *own, _CONTROLLER}
    return [host for host in _all_hosts(inventory) if host not in used]


def _is_known(group: str) -> bool:
    return group in (*GROUPS, *_ANSIBLE) or group.startswith((PREFIX, CUSTOM_PREFIX))


def _near_group(name: str) -> str:
    """Return the group that `name` may be a misspelling of; empty if there is none."""
    near = difflib.get_close_matches(name, GROUPS, n=1, cutoff=_NEAR)
    start, separator, rest = re.sub("-", "_", name).partition("_")
    if not near and separator and difflib.get_close_matches(start, [PREFIX.rstrip("_")], cutoff=_NEAR):
        return PREFIX + rest
    return near[0] if near else ""
