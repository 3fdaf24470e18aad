"""Checks an inventory against the contract, without connecting to any host.

Everything here is a pure function from plain data to a list of `Problem`; `inventory/read.py` collects the data.
"""

import difflib
import ipaddress
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from inferfleet.inventory.model import HOSTS, MAGIC, Inventory
from inferfleet.inventory.options import check_options
from inferfleet.inventory.ports import check_ports
from inferfleet.inventory.services import SITE_KEYS, check_services, services_of
from inferfleet.inventory.values import check_values, show
from inferfleet.messages import Problem
from inferfleet.settings.model import HOST_KEYS, Settings

CUSTOM_PREFIX = "x_"
"""Variables of the user's own, which the contract leaves alone."""

_OURS = ("inferfleet_", "__")  # facts that our own plays set
_RUN_OPTIONS = frozenset({"reset_weights", "weights_remove_partial"})  # given with -e to one run, in no inventory


@dataclass(frozen=True)
class Check:
    """One check of an inventory, and what has to be in order for it to run."""

    run: Callable[[Inventory], list[Problem]]
    after_values: bool = False
    """Whether it reads values, so that they all have to be of the right type."""
    complete: bool = False
    """Whether it needs every setting of every host."""


def check_inventory(inventory: Inventory) -> list[Problem]:
    """Return every problem of the inventory that no fact is needed for, structure first; empty when it is valid."""
    problems = check_groups(inventory)
    if not inventory.hosts:
        return problems
    complete = all(Settings.model_fields.keys() <= inventory.variables[host].keys() for host in inventory.hosts)
    invalid = check_values(inventory)
    for check in CHECKS:
        if not (check.after_values and invalid) and (complete or not check.complete):
            problems += check.run(inventory)
    return problems


def check_groups(inventory: Inventory) -> list[Problem]:
    """One head a service, at most one web UI, and no host that is head and worker at once."""
    heads, workers, webuis = (list(inventory.groups.get(g, ())) for g in ("ray_head", "ray_worker", "webui"))
    problems = []
    if not heads:
        problems.append(
            Problem(
                "no-head",
                "Group ray_head has no host: Ray and the engine's API need exactly one head.",
                "Put the node whose address clients will use into group ray_head of hosts.yml.",
            )
        )
    several = any(service.name for service in services_of(inventory.groups))
    if len(heads) > 1 and not several:
        problems.append(
            Problem(
                "two-heads",
                f"Group ray_head has {len(heads)} hosts ({', '.join(heads)}), but a cluster has exactly one head.",
                f"Keep one of them and move the others to group ray_worker, for example {', '.join(heads[1:])}."
                " For several models, each on nodes of its own, put each one's nodes into a group service_NAME.",
            )
        )
    problems += check_services(inventory.groups)
    problems += [
        Problem(
            "head-and-worker",
            f"Host {host} is in group ray_head and in group ray_worker.",
            f"Remove {host} from group ray_worker: the head's accelerators take part anyway.",
        )
        for host in heads
        if host in workers
    ]
    if len(webuis) > 1:
        problems.append(
            Problem(
                "two-webuis",
                f"Group webui has {len(webuis)} hosts ({', '.join(webuis)}); Open WebUI keeps its users on one.",
                "Keep one host in group webui.",
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
            f"Hosts {' and '.join(hosts)} have the same address {address} ({name}).",
            f"Give each host its own {name}, or remove {hosts[-1]} from hosts.yml.",
        )
        for (name, address), hosts in by_address.items()
        if len(hosts) > 1
    ]


def check_expressions(inventory: Inventory) -> list[Problem]:
    """Refuse variables whose Jinja expression has no value."""
    return inventory.once(
        (
            host,
            Problem(
                "undefined-value",
                f"Variable {name} ({HOSTS}) cannot be worked out: {reason.rstrip('.')}.",
                f"Correct the expression of {name} in the inventory.",
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
        Problem(
            "unknown-key",
            f"Variable {name} ({inventory.whom(hosts)}) is not known.",
            _nearest(name, known),
        )
        for name, hosts in sorted(unknown.items())
        if inventory.options is not None
    ]
    if len(missing) == len(contract):
        return [*problems, _no_defaults()]
    return problems + [
        Problem(
            "missing-key",
            f"Variable {name} is not defined ({inventory.whom(hosts)}).",
            "Set it in group_vars/all/10_cluster.yml of the inventory, or link ../../../../group_vars/all there"
            " as 00_defaults for its default.",
        )
        for name, hosts in missing.items()
    ]


def check_shadowed(inventory: Inventory) -> list[Problem]:
    """Refuse what would be passed over: of a group's variables in hosts.yml, those that group_vars/all has too."""
    problems = []
    for group, names in inventory.in_files.items():
        unheard = [name for name in Settings.model_fields if name in names]
        if unheard:
            one = len(unheard) == 1
            problems.append(
                Problem(
                    "unheard-key",
                    f"Variable{'' if one else 's'} {', '.join(unheard)} of group {group} in hosts.yml"
                    f" {'has' if one else 'have'} no effect: for Ansible, group_vars/all stands above.",
                    f"Move {'it' if one else 'them'} to group_vars/{group}/"
                    f"{'10_cluster' if group == 'all' else 'main'}.yml of the inventory.",
                )
            )
    return problems


def check_bundled(inventory: Inventory) -> list[Problem]:
    """Refuse an air-gap bundle, which holds one checkpoint, for several services."""
    services = services_of(inventory.groups)
    if len(services) == 1:
        return []
    return inventory.once(
        (
            host,
            Problem(
                "bundle-of-one",
                f"Variable offline_bundle ({HOSTS}) is {inventory.variables[host]['offline_bundle']}, but a bundle"
                f" holds the checkpoint of one service and the inventory has {len(services)}.",
                "Deploy each service from an inventory and a bundle of its own.",
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
            values = ", ".join(f"{show(name, value)} on {host}" for value, host in seen)
            place = f"group_vars/service_{service}/main.yml" if service else "group_vars/all/10_cluster.yml"
            problems.append(
                Problem(
                    "value-differs",
                    f"Variable {name} differs between hosts: {values}.",
                    f"Set {name} once, in {place}, and remove it from host_vars and hosts.yml.",
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
        subject = f"Variable cluster_address of {host} is {given}, which is not"
        try:
            address = ipaddress.IPv4Address(given if isinstance(given, str) else repr(given))
        except ValueError:
            remedy = f"Set cluster_address of {host} to its IPv4 address, for example 10.0.0.11."
            problems.append(Problem("bad-value", f"{subject} an IPv4 address.", remedy))
            continue
        if cidr and address not in ipaddress.IPv4Network(cidr):
            remedy = "Correct the address, or set cluster_network to the network that Ray and NCCL are to use."
            problems.append(Problem("address-outside", f"{subject} in cluster_network {cidr}.", remedy))
    return problems


def _no_defaults() -> Problem:
    return Problem(
        "no-defaults",
        "The inventory lacks the contract's defaults: none of its keys is defined.",
        "Link them: ln -s ../../../../group_vars/all INVENTORY/group_vars/all/00_defaults.",
    )


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    own = f"name a variable of your own {CUSTOM_PREFIX}{name}."
    return f"Did you mean {close[0]}? Otherwise {own}" if close else f"Remove it, or {own}"


CHECKS = (
    Check(check_addresses),
    Check(check_expressions),
    Check(check_keys),
    Check(check_shadowed),
    Check(check_bundled),
    Check(check_values),
    Check(check_agreement),
    Check(check_network, after_values=True),
    Check(check_ports, after_values=True, complete=True),
    Check(check_options),
)
"""What is checked after the groups, in the order in which problems are shown."""
