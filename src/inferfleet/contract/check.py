"""Checks an inventory against the contract, without connecting to any host.

Everything here is a pure function from plain data to a list of `Problem`; the Ansible side
(`plugins/action/check_contract.py`) only collects the data.
"""

import difflib
import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from inferfleet.contract.model import HOST_KEYS, SECRETS, Contract
from inferfleet.problem import Problem

CUSTOM_PREFIX = "x_"
"""Variables of the user's own, which the contract leaves alone."""

_OURS = ("inferfleet_", "__")  # facts that our own plays set
_MAGIC = frozenset(
    {
        *("environment", "group_names", "groups", "hostvars", "inventory_dir", "inventory_file", "inventory_hostname"),
        *("inventory_hostname_short", "omit", "play_hosts", "playbook_dir", "role_name", "role_names", "role_path"),
        *("role_uuid", "vars"),
    }
)
_RUN_OPTIONS = frozenset({"reset_weights"})  # given with -e to one run, never part of an inventory
_PORTS = ("engine_port", "ray_port", "ray_dashboard_port", "webui_port")
_KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text (put it in quotes)",
    "list_type": "a list",
    "dict_type": "a map of names to values",
    "bool_type": "true or false",
}
_BOUNDS = {"greater_than": "more than {gt}", "greater_than_equal": "at least {ge}", "less_than_equal": "at most {le}"}


@dataclass(frozen=True)
class Inventory:
    """What the checks need of an inventory: hosts by group, and each host's variables."""

    groups: Mapping[str, Sequence[str]]
    variables: Mapping[str, Mapping[str, Any]]
    known: frozenset[str] = field(default_factory=frozenset)
    """Names of further variables that may be set: those of the roles' argument specs."""

    @property
    def hosts(self) -> list[str]:
        """Hosts that take part, in inventory order, each once."""
        return list(dict.fromkeys(h for g in ("ray_head", "ray_worker", "webui") for h in self.groups.get(g, ())))


def check_inventory(inventory: Inventory) -> list[Problem]:
    """Return every problem of the inventory, structure first; empty when it keeps the contract."""
    problems = check_groups(inventory)
    if not inventory.hosts:
        return problems
    problems += check_addresses(inventory)
    problems += check_keys(inventory)
    values = check_values(inventory)
    problems += values
    problems += check_agreement(inventory)
    if not values:
        problems += check_ports(inventory)
        problems += check_network(inventory)
    return problems


def check_groups(inventory: Inventory) -> list[Problem]:
    """One head, at most one web UI, and no host that is head and worker at once."""
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
    if len(heads) > 1:
        problems.append(
            Problem(
                "two-heads",
                f"Group ray_head has {len(heads)} hosts ({', '.join(heads)}), but a cluster has exactly one head.",
                f"Keep one of them and move the others to group ray_worker, for example {', '.join(heads[1:])}.",
            )
        )
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
    by_address: dict[str, list[str]] = defaultdict(list)
    for host in inventory.hosts:
        variables = inventory.variables[host]
        port = variables.get("ansible_port", 22)
        by_address[f"{variables.get('ansible_host') or host}:{port}"].append(host)
    return [
        Problem(
            "duplicate-address",
            f"Hosts {' and '.join(hosts)} have the same address {address.removesuffix(':22')} (ansible_host).",
            f"Give each host its own ansible_host, or remove {hosts[-1]} from hosts.yml.",
        )
        for address, hosts in by_address.items()
        if len(hosts) > 1
    ]


def check_keys(inventory: Inventory) -> list[Problem]:
    """Refuse variables that nothing reads (usually typing errors), and contract keys that are missing."""
    contract = set(Contract.model_fields)
    known = contract | inventory.known | set(HOST_KEYS)
    unknown: dict[str, list[str]] = defaultdict(list)
    missing: dict[str, list[str]] = defaultdict(list)
    for host in inventory.hosts:
        names = set(inventory.variables[host])
        for name in sorted(contract - names):
            missing[name].append(host)
        for name in names - known - _MAGIC - _RUN_OPTIONS:
            if not name.startswith(("ansible_", CUSTOM_PREFIX, *_OURS)):
                unknown[name].append(host)
    problems = [
        Problem(
            "unknown-key",
            f"Variable {name} ({_whom(hosts, inventory)}) is not known.",
            _nearest(name, known),
        )
        for name, hosts in sorted(unknown.items())
    ]
    if len(missing) == len(contract):
        return [*problems, _no_defaults(inventory)]
    return problems + [
        Problem(
            "missing-key",
            f"Variable {name} is not defined ({_whom(hosts, inventory)}).",
            "Set it in group_vars/all/10_cluster.yml of the inventory, or link ../../../../group_vars/all there"
            " as 00_defaults for its default.",
        )
        for name, hosts in missing.items()
    ]


def check_values(inventory: Inventory) -> list[Problem]:
    """Types and allowed values of every contract key, each problem once for all hosts that share it."""
    found: dict[Problem, list[str]] = defaultdict(list)
    for host in inventory.hosts:
        values = contract_values(inventory.variables[host])
        for problem in _value_problems(values):
            found[problem].append(host)
    return [
        Problem(p.code, p.message.replace("{hosts}", _whom(hosts, inventory)), p.remedy) for p, hosts in found.items()
    ]


def check_agreement(inventory: Inventory) -> list[Problem]:
    """Contract keys describe the cluster: every host must see the same value."""
    problems = []
    for name in Contract.model_fields:
        seen: dict[str, str] = {}
        for host in inventory.hosts:
            if name in inventory.variables[host]:
                seen.setdefault(_show(name, inventory.variables[host][name]), host)
        if len(seen) > 1:
            values = ", ".join(f"{value} on {host}" for value, host in seen.items())
            problems.append(
                Problem(
                    "value-differs",
                    f"Variable {name} differs between hosts: {values}.",
                    f"Set {name} once, in group_vars/all/10_cluster.yml, and remove it from host_vars and hosts.yml.",
                )
            )
    return problems


def check_ports(inventory: Inventory) -> list[Problem]:
    """The services of one host listen on different ports."""
    values = inventory.variables[inventory.hosts[0]]
    by_port: dict[int, list[str]] = defaultdict(list)
    for name in _PORTS:
        if name in values:
            by_port[values[name]].append(name)
    return [
        Problem(
            "port-clash",
            f"Variables {' and '.join(names)} are both {port}.",
            f"Give {names[-1]} another port.",
        )
        for port, names in by_port.items()
        if len(names) > 1
    ]


def check_network(inventory: Inventory) -> list[Problem]:
    """A host's `cluster_address` lies in the cluster network."""
    cidr = inventory.variables[inventory.hosts[0]].get("cluster_network")
    if not cidr:
        return []
    network = ipaddress.IPv4Network(cidr)
    problems = []
    for host in inventory.hosts:
        given = inventory.variables[host].get("cluster_address")
        if given and not _within(given, network):
            problems.append(
                Problem(
                    "address-outside",
                    f"Variable cluster_address of {host} is {given}, which is not in cluster_network {cidr}.",
                    "Correct the address, or set cluster_network to the network that Ray and NCCL are to use.",
                )
            )
    return problems


def contract_values(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return just the contract's keys of a host's variables."""
    return {name: variables[name] for name in Contract.model_fields if name in variables}


def _value_problems(values: Mapping[str, Any]) -> Iterable[Problem]:
    try:
        Contract.model_validate(values)
    except ValidationError as error:
        for item in error.errors():
            yield _value_problem(item)
    for name in SECRETS:
        value = values.get(name)
        if isinstance(value, str) and any(c.isspace() for c in value):
            yield Problem(
                "bad-value",
                f"Variable {name} ({{hosts}}) contains white space, which no header or environment file carries.",
                "Choose a value without white space, or leave it empty to have one generated.",
            )


def _value_problem(item: Any) -> Problem:
    name = str(item["loc"][0])
    path = ".".join(str(part) for part in item["loc"])
    value = _show(name, item["input"])
    kind, context = item["type"], item.get("ctx", {})
    if kind in _KINDS:
        return Problem(
            "wrong-type",
            f"Variable {path} ({{hosts}}) is {value}, but must be {_KINDS[kind]}.",
            f"Correct {name} in group_vars/all/10_cluster.yml.",
        )
    if kind == "literal_error":
        return Problem(
            "bad-value",
            f"Variable {path} ({{hosts}}) is {value}, which is not one of its values.",
            f"Set {name} to {context['expected']}.",
        )
    if kind in _BOUNDS:
        return Problem(
            "bad-value",
            f"Variable {path} ({{hosts}}) is {value}, which is out of range.",
            f"Set {name} to {_BOUNDS[kind].format(**context)}.",
        )
    if kind == "string_too_short":
        return Problem(
            "bad-value",
            f"Variable {path} ({{hosts}}) is empty.",
            f"Set {name} in group_vars/all/10_cluster.yml.",
        )
    reason, _, remedy = str(context.get("error", item["msg"])).partition("; ")
    return Problem(
        "bad-value",
        f"Variable {path} ({{hosts}}) is {value}, which {reason}.",
        f"Correct {name}: {remedy}." if remedy else f"Correct {name} in group_vars/all/10_cluster.yml.",
    )


def _no_defaults(inventory: Inventory) -> Problem:
    return Problem(
        "no-defaults",
        "The inventory lacks the contract's defaults: none of its keys is defined.",
        "Link them: ln -s ../../../../group_vars/all INVENTORY/group_vars/all/00_defaults.",
    )


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    own = f"name a variable of your own {CUSTOM_PREFIX}{name}."
    return f"Did you mean {close[0]}? Otherwise {own}" if close else f"Remove it, or {own}"


def _whom(hosts: Sequence[str], inventory: Inventory) -> str:
    return "all hosts" if len(hosts) == len(inventory.hosts) and len(hosts) > 1 else ", ".join(hosts)


def _show(name: str, value: Any) -> str:
    if name in SECRETS:
        return "(not shown)" if value else "''"
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _within(address: str, network: ipaddress.IPv4Network) -> bool:
    try:
        return ipaddress.IPv4Address(address) in network
    except ValueError:
        return False
