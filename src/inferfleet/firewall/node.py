"""The rules of one node, from the plans, its variables and the addresses of all hosts."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from inferfleet.components import GROUPS, settings_read
from inferfleet.fabric import ephemeral_ports
from inferfleet.firewall.ports import closed_ports, without
from inferfleet.firewall.render import render_rules
from inferfleet.inventory.ports import role_ports
from inferfleet.inventory.services import serving_groups

_SSH = 22
_GATEWAY = "gateway"
_PLANNED = ("engine", "executor", "data_parallel_size")


def node_rules(
    host: str,
    variables: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]],
    plans: Sequence[Mapping[str, Any]],
    sources: Iterable[object],
    *,
    gateways: Collection[str],
    fronted: bool,
    options: Mapping[str, Mapping[str, Any]],
) -> str:
    """Return the file of rules that nft loads on a host.

    `variables` are those of the host with its facts, `plans` the plans in JSON form, `sources` the addresses and
    networks that connections may come from, `gateways` the planned hosts of the gateway, and `options` the options of
    all roles. `fronted`: whether clients use the gateway, so that the API of the engines is closed to them.
    """
    settings = {name: variables[name] for name in settings_read()} | {"groups": groups}
    # Ansible knows the default host of the gateway only in runs that include it.
    own = [group for group in GROUPS if host in (gateways if group == _GATEWAY else groups.get(group, ()))]
    others: Iterable[int] = ()
    plan = next((plan for plan in plans if host in plan["nodes"]), None)
    if plan:
        own = serving_groups(own, plan["nodes"][host]["role"])
        settings |= {name: plan[name] for name in _PLANNED} | {"engine_port": plan["port"]}
        others = role_ports(options, variables).values()
    ephemeral = ephemeral_ports(variables)
    closed = closed_ports(settings, own, gateway=fronted, others=others, ephemeral=ephemeral)
    left_open = {*_ssh_ports(variables), *map(int, variables.get("node_firewall_open_ports", ()))}
    vrrp = _GATEWAY in own and bool(variables["gateway_virtual_address"])
    return render_rules({**closed, "tcp": without(closed["tcp"], left_open)}, sources, vrrp=vrrp)


def gateway_deployed(gateways: Collection[str], hosts: Mapping[str, Mapping[str, Any]], port: int) -> bool:
    """Return whether each of the gateways listens on `port`, by the facts in the variables of `hosts`.

    One without facts, which is not in this run, is taken for deployed: an open port must not follow from `--limit`.
    """
    found = [hosts[host].get("ansible_facts", {}).get("inferfleet_node", {}) for host in gateways]
    return all(not facts or facts.get("listening", {}).get(str(port)) == "inferfleet" for facts in found)


def _ssh_ports(variables: Mapping[str, Any]) -> set[int]:
    """Return the port under which a host is reached, and those that its SSH server listens on behind a port mapping."""
    listening = variables.get("ansible_facts", {}).get("inferfleet_node", {}).get("listening", {})
    return {
        int(variables.get("ansible_port") or _SSH),
        *(int(port) for port, owner in listening.items() if owner == "sshd"),
    }
