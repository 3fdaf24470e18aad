"""Validate an inventory without connecting to any host.

All functions are pure and return a list of `Problem`; `inventory/read.py` collects the data and `planner/checks.py`
lists the checks.
"""

import difflib
import ipaddress
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from inferfleet.inventory.model import CUSTOM_PREFIX, HOSTS, MAGIC, Inventory, declared_address, is_ipv4
from inferfleet.inventory.services import SITE_KEYS, check_services, services_of
from inferfleet.inventory.values import show
from inferfleet.messages import N_, Message, Problem
from inferfleet.settings.model import HOST_KEYS, Settings

RENAMED = {"container_runtime_prove": "container_runtime_verify", "nccl_fabric_proof": "nccl_fabric_measure"}
"""Former names of variables."""

_INTERNAL = ("inferfleet_", "__")  # facts set by the playbooks
_LAST_PORT = 65535
_RUN_OPTIONS = frozenset(
    {"complete_run", "reset_weights", "rotated_secrets", "weights_remove_partial"}
)  # given with -e for a single run, never in an inventory


def check_groups(inventory: Inventory) -> list[Problem]:
    """Require one head per service, at most one web UI and one Prometheus, and no host that is both head and worker."""
    heads, workers, webuis = (list(inventory.groups.get(g, ())) for g in ("ray_head", "ray_worker", "webui"))
    problems = []
    if not heads:
        problems.append(
            Problem(
                "no-head",
                N_("Group ray_head has no host, but Ray and the engine's API require exactly one head node."),
                N_("Add the node that clients will connect to to group ray_head of hosts.yml."),
            )
        )
    several = any(service.name for service in services_of(inventory.groups))
    if len(heads) > 1 and not several:
        problems.append(
            Problem(
                "two-heads",
                N_("Group ray_head has {count} hosts ({heads}), but a cluster has exactly one head node."),
                N_(
                    "Keep one of them and move the others to group ray_worker, for example {others}. To serve"
                    " several models on separate nodes, add the nodes of each model to a group service_NAME."
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
            N_("Remove {host} from group ray_worker: the head node's accelerators are used anyway."),
            host=host,
        )
        for host in heads
        if host in workers
    ]
    if len(webuis) > 1:
        problems.append(
            Problem(
                "two-webuis",
                N_("Group webui has {count} hosts ({hosts}), but Open WebUI stores its users on a single host."),
                N_("Keep one host in group webui."),
                count=len(webuis),
                hosts=webuis,
            )
        )
    monitors = list(inventory.groups.get("monitoring", ()))
    if len(monitors) > 1:
        problems.append(
            Problem(
                "two-monitors",
                N_("Group monitoring has {count} hosts ({hosts}), but Prometheus stores the metrics on a single host."),
                N_("Keep one host in group monitoring."),
                count=len(monitors),
                hosts=monitors,
            )
        )
    return problems


def check_addresses(inventory: Inventory) -> list[Problem]:
    """Refuse two hosts with the same address, and ports of SSH that are none."""
    by_address: dict[tuple[str, str], list[str]] = defaultdict(list)
    for host in inventory.hosts:
        variables = inventory.variables[host]
        port = str(variables.get("ansible_port") or 22)
        address = str(variables.get("ansible_host") or host)
        by_address["ansible_host", address if port == "22" else f"{address}:{port}"].append(host)
        if variables.get("cluster_address"):
            by_address["cluster_address", str(variables["cluster_address"])].append(host)
    problems = [
        Problem(
            "bad-value",
            N_("Variable ansible_port of {host} is {value}, which is not a port."),
            N_("Set ansible_port of {host} to the port of its SSH server, or remove it (22)."),
            host=host,
            value=show("ansible_port", inventory.variables[host]["ansible_port"]),
        )
        for host in inventory.hosts
        if inventory.variables[host].get("ansible_port") is not None
        and not _is_port(inventory.variables[host]["ansible_port"])
    ]
    return problems + [
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


def _is_port(value: Any) -> bool:
    return bool(re.fullmatch(r"[0-9]{1,5}", str(value))) and 1 <= int(value) <= _LAST_PORT


def check_expressions(inventory: Inventory) -> list[Problem]:
    """Refuse variables whose Jinja expression cannot be evaluated."""
    return inventory.group_by_problem(
        (
            host,
            Problem(
                "undefined-value",
                N_("Variable {name} ({hosts}) cannot be evaluated: {reason}."),
                N_("Correct the expression of {name} in {places}."),
                name=name,
                places=inventory.places(name),
                reason=reason,
                hosts=HOSTS,
            ),
        )
        for host in inventory.hosts
        for name, reason in sorted(inventory.unresolved.get(host, {}).items())
    )


def check_keys(inventory: Inventory) -> list[Problem]:
    """Refuse unknown variables (usually typos) and missing settings."""
    settings = set(Settings.model_fields)
    known = settings | set(inventory.options or ()) | set(HOST_KEYS)
    unknown: dict[str, list[str]] = defaultdict(list)
    missing: dict[str, list[str]] = defaultdict(list)
    for host in inventory.hosts:
        names = inventory.variables[host].keys() | inventory.unresolved.get(host, {}).keys()
        for name in sorted(settings - names):
            missing[name].append(host)
        for name in names - known - MAGIC - _RUN_OPTIONS:
            if not name.startswith(("ansible_", CUSTOM_PREFIX, *_INTERNAL)) and inventory.sets(name):
                unknown[name].append(host)
    problems = [
        _unknown(name, inventory.describe_hosts(hosts), known)
        for name, hosts in sorted(unknown.items())
        if inventory.options is not None
    ]
    if missing:
        problems.append(_no_defaults(missing, inventory))
    return problems


def check_bundled(inventory: Inventory) -> list[Problem]:
    """Refuse an air-gap bundle, which contains one checkpoint, for several services."""
    services = services_of(inventory.groups)
    if len(services) == 1:
        return []
    return inventory.group_by_problem(
        (
            host,
            Problem(
                "bundle-of-one",
                N_(
                    "Variable offline_bundle ({hosts}) is {path}, but a bundle contains the checkpoint of one"
                    " service and the inventory has {count} services."
                ),
                N_("Deploy each service with its own inventory and bundle."),
                path=str(inventory.variables[host]["offline_bundle"]),
                count=len(services),
                hosts=HOSTS,
            ),
        )
        for host in inventory.hosts
        if inventory.variables[host].get("offline_bundle")
    )


def check_agreement(inventory: Inventory) -> list[Problem]:
    """Require the same value of a setting on every host of a service, and of site-wide settings on every host."""
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
            if name in inventory.variables[host] and not any(_same(value, other) for other, _ in seen):
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


def _same(value: Any, other: Any) -> bool:
    return bool(value == other or (value != value and other != other))  # .nan differs from itself


def check_network(inventory: Inventory) -> list[Problem]:
    """Require `cluster_address` of a host to be in the cluster network, and every node's IPv4 address to be known."""
    problems = _without_address(inventory)
    for host in inventory.hosts:
        variables = inventory.variables[host]
        given, cidr = variables.get("cluster_address"), variables.get("cluster_network")
        if not given:
            continue
        address = _ipv4(given)
        if address is None or _is_unreachable(address):
            template = N_("Variable cluster_address of {host} is {value}, which other nodes cannot reach.")
            if address is None:
                template = N_("Variable cluster_address of {host} is {value}, which is not an IPv4 address.")
            remedy = N_("Set cluster_address of {host} to its IPv4 address, for example 10.0.0.11.")
            problems.append(Problem("bad-value", template, remedy, host=host, value=str(given)))
        elif cidr and address not in ipaddress.IPv4Network(cidr):
            problems.append(
                Problem(
                    "address-outside",
                    N_("Variable cluster_address of {host} is {value}, which is not in cluster_network {network}."),
                    N_("Correct the address, or set cluster_network to the network for Ray and NCCL."),
                    host=host,
                    value=str(given),
                    network=cidr,
                )
            )
    return problems


def _ipv4(value: Any) -> ipaddress.IPv4Address | None:
    try:
        return ipaddress.IPv4Address(value if isinstance(value, str) else repr(value))
    except ValueError:
        return None


def _is_unreachable(address: ipaddress.IPv4Address) -> bool:
    return address.is_loopback or address.is_multicast or address.is_unspecified or address.is_link_local


def _without_address(inventory: Inventory) -> list[Problem]:
    """Return the problem of nodes whose IPv4 address is neither in the inventory nor selected on the node."""
    unknown = {}
    for host in inventory.hosts:
        variables, serves = inventory.variables[host], any(inventory.has(g, host) for g in ("ray_head", "ray_worker"))
        address = declared_address(host, variables)
        given = [name for name in ("cluster_network", "cluster_address", "cluster_interface") if variables.get(name)]
        if serves and not given and not is_ipv4(address):
            unknown[host] = address
    if not unknown:
        return []
    return [
        Problem(
            "address-unknown",
            N_(
                "Ray and NCCL need IPv4 addresses, but the inventory has only host names or IPv6 addresses of"
                " {hosts}: {values}."
            ),
            N_(
                "Set cluster_network to the network for Ray and NCCL to read the addresses from the nodes, or set"
                " cluster_address of each host."
            ),
            hosts=inventory.describe_hosts([*unknown]),
            values=[Message("", N_("{value} on {node}"), value=value, node=host) for host, value in unknown.items()],
        )
    ]


def _no_defaults(missing: Mapping[str, list[str]], inventory: Inventory) -> Problem:
    name, hosts = next(iter(missing.items()))
    return Problem(
        "no-defaults",
        N_(
            "Defaults are missing ({count}, for example {name}; {hosts}): Ansible did not use the ansible.cfg of"
            " inferfleet."
        ),
        N_("Run inferfleet, or set ANSIBLE_CONFIG to the ansible.cfg next to site.yml."),
        count=len(missing),
        name=name,
        hosts=inventory.describe_hosts(hosts),
    )


def _unknown(name: str, hosts: Message | list[str], known: Iterable[str]) -> Problem:
    template = N_("Variable {name} ({hosts}) is unknown.")
    parameters = {"name": name, "own": f"{CUSTOM_PREFIX}{name}", "hosts": hosts}
    if name in RENAMED:
        template = N_("Variable {name} ({hosts}) was renamed to {new}.")
        return Problem("renamed-key", template, N_("Use {new}."), name=name, hosts=hosts, new=RENAMED[name])
    if close := difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6):
        remedy = N_("Did you mean {near}? Otherwise rename your own variable to {own}.")
        return Problem("unknown-key", template, remedy, near=close[0], **parameters)
    return Problem("unknown-key", template, N_("Remove it, or rename your own variable to {own}."), **parameters)
