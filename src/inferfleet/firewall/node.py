"""The rules of one node, from the plans and the variables of all hosts."""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from inferfleet.components import GROUPS, settings_read
from inferfleet.firewall.ports import closed_ports, has_gateway, without
from inferfleet.firewall.render import render_rules
from inferfleet.firewall.sources import node_addresses, unknown_address
from inferfleet.inventory.ports import role_ports
from inferfleet.inventory.services import serving_groups
from inferfleet.messages import Problem

_SSH = 22
_PLANNED = ("engine", "executor", "data_parallel_size")


def node_rules(
    host: str,
    hosts: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
    plans: Sequence[Mapping[str, Any]],
    *,
    options: Mapping[str, Mapping[str, Any]],
    open_ports: Iterable[int | str] = (),
    networks: Iterable[str] = (),
) -> str:
    """Return the file of rules that nft loads on a host.

    `hosts` are the variables of each host with its facts, `plans` the plans in JSON form, `options` the options of all
    roles, `open_ports` TCP ports of other programs, and `networks` further sources of connections.
    """
    variables = hosts[host]
    settings = {name: variables[name] for name in settings_read()}
    own = [group for group in GROUPS if host in groups.get(group, ())]
    others: Iterable[int] = ()
    plan = next((plan for plan in plans if host in plan["nodes"]), None)
    if plan:
        own = serving_groups(own, plan["nodes"][host]["role"])
        settings |= {name: plan[name] for name in _PLANNED} | {"engine_port": plan["port"]}
        others = role_ports(options, variables).values()
    closed = closed_ports(settings, own, gateway=has_gateway(groups), others=others)
    left_open = {*_ssh_ports(variables), *map(int, open_ports)}
    sources = [address for known in _known(hosts, groups, plans).values() for address in known]
    return render_rules({**closed, "tcp": without(closed["tcp"], left_open)}, [*sources, *networks])


def node_problems(
    host: str,
    hosts: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
    plans: Sequence[Mapping[str, Any]],
) -> list[Problem]:
    """Return the problems of the rules of a host; the arguments are those of `node_rules`."""
    return unknown_address(host, _known(hosts, groups, plans))


def _known(
    hosts: Mapping[str, Mapping[str, Any]], groups: Mapping[str, Sequence[str]], plans: Sequence[Mapping[str, Any]]
) -> dict[str, list[IPv4Address | IPv6Address]]:
    members = dict.fromkeys(host for group in GROUPS for host in groups.get(group, ()))
    return node_addresses({host: _declared(hosts[host]) for host in members}, plans)


def _ssh_ports(variables: Mapping[str, Any]) -> set[int]:
    """Return the port under which a host is reached, and those that its SSH server listens on behind a port mapping."""
    listening = _facts(variables).get("listening", {})
    return {
        int(variables.get("ansible_port") or _SSH),
        *(int(port) for port, owner in listening.items() if owner == "sshd"),
    }


def _declared(variables: Mapping[str, Any]) -> dict[str, Any]:
    declared = {key: variables.get(key) for key in ("cluster_address", "ansible_host")}
    return {**declared, "interfaces": _facts(variables).get("interfaces", ())}


def _facts(variables: Mapping[str, Any]) -> Mapping[str, Any]:
    facts: Mapping[str, Any] = variables.get("ansible_facts", {}).get("inferfleet_node", {})
    return facts
