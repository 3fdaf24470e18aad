"""Checks of the virtual address of several gateways."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Interface
from typing import Any

from inferfleet.gateway import link_of
from inferfleet.inventory.facts import Host
from inferfleet.inventory.model import Inventory, settings_values
from inferfleet.messages import N_, Problem
from inferfleet.settings import Settings

GROUP = "gateway"
_SETTING = "gateway_virtual_address"
_AT_LEAST = 2


def given_address(inventory: Inventory) -> str:
    """Return the virtual address with its prefix length; empty if there is none, or no gateway."""
    if not inventory.hosts:
        return ""
    settings = Settings.model_validate(settings_values(inventory.variables[inventory.hosts[0]]))
    return settings.gateway_virtual_address if settings.gateway_enabled else ""


def check_virtual_address(inventory: Inventory) -> list[Problem]:
    """Require two gateways for a virtual address, which is that of no host."""
    given = given_address(inventory)
    if not given:
        return []
    problems, address = [], str(IPv4Interface(given).ip)
    hosts = list(inventory.groups.get(GROUP, ()))
    if len(hosts) < _AT_LEAST:
        problems.append(
            Problem(
                "virtual-address-alone",
                N_("Variable {name} is {value}, but group gateway has {count} hosts."),
                N_("Add at least two hosts to group gateway in hosts.yml, or remove {name}."),
                name=_SETTING,
                value=given,
                count=len(hosts),
            )
        )
    owners = [
        host
        for host in inventory.hosts
        if address in {str(inventory.variables[host].get(key)) for key in ("ansible_host", "cluster_address")} | {host}
    ]
    if owners:
        problems.append(
            Problem(
                "virtual-address-of-host",
                N_("Variable {name} is {value}, which is the address of {hosts}."),
                N_("Set {name} to an address that no host has."),
                name=_SETTING,
                value=given,
                hosts=owners,
            )
        )
    return problems


def check_virtual_network(host: Host) -> Iterable[Problem]:
    """Require an interface of each gateway in the network of the virtual address."""
    interfaces = host.facts.get("interfaces") or []
    known = [prefix for interface in interfaces for prefix in interface.get("prefixes", ())]
    if host.virtual_address and known and not link_of(interfaces, host.virtual_address):
        yield Problem(
            "virtual-address-outside",
            N_("Variable {name} is {value}, but {host} has no interface in this network, only {known}."),
            N_("Set {name} to a free address of a network that all hosts of group gateway have."),
            name=_SETTING,
            value=host.virtual_address,
            host=host.name,
            known=known,
        )


def without_address(facts: Mapping[str, Any], virtual: str) -> dict[str, Any]:
    """Return facts of a host without the virtual address, which it may hold now and is no address of its own."""
    if not (virtual and isinstance(facts.get("interfaces"), list)):
        return dict(facts)
    address = str(IPv4Interface(virtual).ip)

    def own(interface: Mapping[str, Any], key: str) -> dict[str, Any]:
        kept = [value for value in interface.get(key, ()) if value.partition("/")[0] != address]
        return {key: kept} if key in interface else {}

    interfaces = [{**it, **own(it, "addresses"), **own(it, "prefixes")} for it in facts["interfaces"]]
    return {**facts, "interfaces": interfaces}
