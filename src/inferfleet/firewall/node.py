"""The rules of one node, from the plans and the variables of all hosts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from inferfleet.components import GROUPS, settings_read
from inferfleet.firewall.ports import closed_ports, has_gateway, without
from inferfleet.firewall.render import render_rules
from inferfleet.firewall.sources import node_addresses
from inferfleet.inventory.ports import role_ports
from inferfleet.inventory.services import serving_groups

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
    return render_rules(
        {**closed, "tcp": without(closed["tcp"], left_open)},
        [*node_addresses({name: _declared(hosts[name]) for name in _members(groups)}, plans), *networks],
    )


def _ssh_ports(variables: Mapping[str, Any]) -> set[int]:
    """Return the port under which a host is reached, and those that its SSH server listens on behind a port mapping."""
    listening = _facts(variables).get("listening", {})
    return {
        int(variables.get("ansible_port") or _SSH),
        *(int(port) for port, owner in listening.items() if owner == "sshd"),
    }


def _members(groups: Mapping[str, Sequence[str]]) -> list[str]:
    return list(dict.fromkeys(host for group in GROUPS for host in groups.get(group, ())))


def _declared(variables: Mapping[str, Any]) -> dict[str, Any]:
    declared = {key: variables.get(key) for key in ("cluster_address", "ansible_host")}
    return {**declared, "interfaces": _facts(variables).get("interfaces", ())}


def _facts(variables: Mapping[str, Any]) -> Mapping[str, Any]:
    facts: Mapping[str, Any] = variables.get("ansible_facts", {}).get("inferfleet_node", {})
    return facts
