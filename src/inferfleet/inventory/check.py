"""Checks an inventory against the contract, without connecting to any host.

Everything here is a pure function from plain data to a list of `Problem`; `inventory/read.py` collects the data and
`planner/checks.py` lists the checks.
"""

import difflib
import ipaddress
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from inferfleet.inventory.model import HOSTS, MAGIC, Inventory
from inferfleet.inventory.services import SITE_KEYS, check_services, services_of
from inferfleet.inventory.values import show
from inferfleet.messages import N_, Message, Problem
from inferfleet.settings.model import HOST_KEYS, Settings

CUSTOM_PREFIX = "x_"
"""Variables of the user's own, which the contract leaves alone."""

_OURS = ("inferfleet_", "__")  # facts that our own plays set
_RUN_OPTIONS = frozenset({"reset_weights", "weights_remove_partial"})  # given with -e to one run, in no inventory


def check_groups(inventory: Inventory) -> list[Problem]:
    """One head a service, at most one web UI, and no host that is head and worker at once."""
    heads, workers, webuis = (list(inventory.groups.get(g, ())) for g in ("ray_head", "ray_worker", "webui"))
    problems = []
    if not heads:
        problems.append(
            Problem(
                "no-head",
                N_("Group ray_head has no host: Ray and the engine's API need exactly one head."),
                N_("Put the node whose address clients will use into group ray_head of hosts.yml."),
            )
        )
    several = any(service.name for service in services_of(inventory.groups))
    if len(heads) > 1 and not several:
        problems.append(
            Problem(
                "two-heads",
                N_("Group ray_head has {count} hosts ({heads}), but a cluster has exactly one head."),
                N_(
                    "Keep one of them and move the others to group ray_worker, for example {others}. For several"
                    " models, each on nodes of its own, put each one's nodes into a group service_NAME."
                ),
                count=len(heads),
                heads=heads,
                others=heads[1:],
            )
        )
    problems += check_services(inventory.groups)
    problems += [
        Problem(
            "head-and-worker",
            N_("Host {host} is in group ray_head and in group ray_worker."),
            N_("Remove {host} from group ray_worker: the head's accelerators take part anyway."),
            host=host,
        )
        for host in heads
        if host in workers
    ]
    if len(webuis) > 1:
        problems.append(
            Problem(
                "two-webuis",
                N_("Group webui has {count} hosts ({hosts}); Open WebUI keeps its users on one."),
                N_("Keep one host in group webui."),
                count=len(webuis),
                hosts=webuis,
            )
        )
    return problems


def check_addresses(inventory: Inventory) -> list[Problem]:
    """No two hosts may be the same machine."""
    by_address: dict[tuple[str, str], list[str]] = defaultdict(list)
    for host in inventory.hosts:
        variables = inventory.variables[host]
        port = str(variables.get("ansible_port") or 22)
        address = str(variables.get("ansible_host") or host)
        by_address["ansible_host", address if port == "22" else f"{address}:{port}"].append(host)
        if variables.get("cluster_address"):
            by_address["cluster_address", str(variables["cluster_address"])].append(host)
    return [
        Problem(
            "duplicate-address",
            N_("Hosts {hosts} and {last} have the same address {address} ({name})."),
            N_("Give each host its own {name}, or remove {last} from hosts.yml."),
            hosts=hosts[:-1],
            last=hosts[-1],
            address=address,
            name=name,
        )
        for (name, address), hosts in by_address.items()
        if len(hosts) > 1
    ]


def check_expressions(inventory: Inventory) -> list[Problem]:
    """Refuse variables whose Jinja expression has no value."""
    return inventory.group_by_problem(
        (
            host,
            Problem(
                "undefined-value",
                N_("Variable {name} ({hosts}) cannot be worked out: {reason}."),
                N_("Correct the expression of {name} in the inventory."),
                name=name,
                reason=reason.rstrip("."),
                hosts=HOSTS,
            ),
        )
        for host in inventory.hosts
        for name, reason in sorted(inventory.unresolved.get(host, {}).items())
    )


def check_keys(inventory: Inventory) -> list[Problem]:
    """Refuse variables that nothing reads (usually typing errors), and contract keys that are missing."""
    contract = set(Settings.model_fields)
    known = contract | set(inventory.options or ()) | set(HOST_KEYS)
    unknown: dict[str, list[str]] = defaultdict(list)
    missing: dict[str, list[str]] = defaultdict(list)
    for host in inventory.hosts:
        names = inventory.variables[host].keys() | inventory.unresolved.get(host, {}).keys()
        for name in sorted(contract - names):
            missing[name].append(host)
        for name in names - known - MAGIC - _RUN_OPTIONS:
            if not name.startswith(("ansible_", CUSTOM_PREFIX, *_OURS)):
                unknown[name].append(host)
    problems = [
        _unknown(name, inventory.describe_hosts(hosts), known)
        for name, hosts in sorted(unknown.items())
        if inventory.options is not None
    ]
    if len(missing) == len(contract):
        return [*problems, _no_defaults()]
    return problems + [
        Problem(
            "missing-key",
            N_("Variable {name} is not defined ({hosts})."),
            N_(
                "Set it in group_vars/all/10_cluster.yml of the inventory, or link ../../../../group_vars/all there as"
                " 00_defaults for its default."
            ),
            name=name,
            hosts=inventory.describe_hosts(hosts),
        )
        for name, hosts in missing.items()
    ]


def check_shadowed(inventory: Inventory) -> list[Problem]:
    """Refuse settings of a group in hosts.yml, which those of group_vars/all override."""
    problems = []
    for group, names in inventory.in_files.items():
        shadowed = [name for name in Settings.model_fields if name in names]
        if shadowed:
            one = len(shadowed) == 1
            problems.append(
                Problem(
                    "ineffective-setting",
                    N_(
                        "Variable {names} of group {group} in hosts.yml has no effect: for Ansible, group_vars/all"
                        " stands above."
                    )
                    if one
                    else N_(
                        "Variables {names} of group {group} in hosts.yml have no effect: for Ansible,"
                        " group_vars/all stands above."
                    ),
                    N_("Move it to {file} of the inventory.") if one else N_("Move them to {file} of the inventory."),
                    names=shadowed,
                    group=group,
                    file=f"group_vars/{group}/{'10_cluster' if group == 'all' else 'main'}.yml",
                )
            )
    return problems


def check_bundled(inventory: Inventory) -> list[Problem]:
    """Refuse an air-gap bundle, which holds one checkpoint, for several services."""
    services = services_of(inventory.groups)
    if len(services) == 1:
        return []
    return inventory.group_by_problem(
        (
            host,
            Problem(
                "bundle-of-one",
                N_(
                    "Variable offline_bundle ({hosts}) is {path}, but a bundle holds the checkpoint of one service and"
                    " the inventory has {count}."
                ),
                N_("Deploy each service from an inventory and a bundle of its own."),
                path=str(inventory.variables[host]["offline_bundle"]),
                count=len(services),
                hosts=HOSTS,
            ),
        )
        for host in inventory.hosts
        if inventory.variables[host].get("offline_bundle")
    )


def check_agreement(inventory: Inventory) -> list[Problem]:
    """Settings keys describe a service, some of them the site: every host of it must see the same value."""
    services = services_of(inventory.groups)
    if len(services) == 1 and not services[0].name:
        return _disagreements(inventory, inventory.hosts, Settings.model_fields, "")
    own = [name for name in Settings.model_fields if name not in SITE_KEYS]
    problems = _disagreements(inventory, inventory.hosts, sorted(SITE_KEYS), "")
    for service in services:
        problems += _disagreements(inventory, service.hosts, own, service.name)
    return problems


def _disagreements(inventory: Inventory, hosts: Iterable[str], names: Iterable[str], service: str) -> list[Problem]:
    problems = []
    for name in names:
        seen: list[tuple[Any, str]] = []
        for host in hosts:
            value = inventory.variables[host].get(name)
            if name in inventory.variables[host] and all(value != other for other, _ in seen):
                seen.append((value, host))
        if len(seen) > 1:
            problems.append(
                Problem(
                    "value-differs",
                    N_("Variable {name} differs between hosts: {values}."),
                    N_("Set {name} once, in {file}, and remove it from host_vars and hosts.yml."),
                    name=name,
                    values=[
                        Message("", N_("{value} on {node}"), value=show(name, value), node=host) for value, host in seen
                    ],
                    file=f"group_vars/service_{service}/main.yml" if service else "group_vars/all/10_cluster.yml",
                )
            )
    return problems


def check_network(inventory: Inventory) -> list[Problem]:
    """A host's `cluster_address` is an address of the cluster network."""
    problems = []
    for host in inventory.hosts:
        variables = inventory.variables[host]
        given, cidr = variables.get("cluster_address"), variables.get("cluster_network")
        if not given:
            continue
        try:
            address = ipaddress.IPv4Address(given if isinstance(given, str) else repr(given))
        except ValueError:
            problems.append(
                Problem(
                    "bad-value",
                    N_("Variable cluster_address of {host} is {value}, which is not an IPv4 address."),
                    N_("Set cluster_address of {host} to its IPv4 address, for example 10.0.0.11."),
                    host=host,
                    value=str(given),
                )
            )
            continue
        if cidr and address not in ipaddress.IPv4Network(cidr):
            problems.append(
                Problem(
                    "address-outside",
                    N_("Variable cluster_address of {host} is {value}, which is not in cluster_network {network}."),
                    N_("Correct the address, or set cluster_network to the network that Ray and NCCL are to use."),
                    host=host,
                    value=str(given),
                    network=cidr,
                )
            )
    return problems


def _no_defaults() -> Problem:
    return Problem(
        "no-defaults",
        N_("The inventory lacks the contract's defaults: none of its keys is defined."),
        N_("Link them: ln -s ../../../../group_vars/all INVENTORY/group_vars/all/00_defaults."),
    )


def _unknown(name: str, hosts: Message | list[str], known: Iterable[str]) -> Problem:
    template = N_("Variable {name} ({hosts}) is not known.")
    parameters = {"name": name, "own": f"{CUSTOM_PREFIX}{name}", "hosts": hosts}
    if close := difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6):
        remedy = N_("Did you mean {near}? Otherwise name a variable of your own {own}.")
        return Problem("unknown-key", template, remedy, near=close[0], **parameters)
    return Problem("unknown-key", template, N_("Remove it, or name a variable of your own {own}."), **parameters)
