"""Ports that the components of a host listen on, and conflicts between them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from inferfleet.components import Component, HostPort, host_ports
from inferfleet.inventory.model import HOSTS, Inventory, settings_values
from inferfleet.messages import N_, Message, Problem
from inferfleet.settings.model import Settings

_LAST = 65535
_SSH = 22
_ASSIGNED_TWICE = N_("Port {port} is assigned to both {names} and {last} ({hosts}).")


def ports_of(
    settings: Settings,
    groups: Collection[str],
    components: Sequence[Component] | None = None,
    *,
    hosts: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, int]:
    """Return the single ports of a host in these groups, by their name in messages; ranges are omitted.

    `hosts` are those of each group of the inventory.
    """
    known = {**vars(settings), "groups": hosts or {}}
    return {port.name: port.first for port in host_ports(known, groups, components) if port.single}


def check_ports(inventory: Inventory, components: Sequence[Component] | None = None) -> list[Problem]:
    """Require different, valid ports for the components of a host; all values must have the right type."""
    return inventory.group_by_problem(
        (host, problem) for host in inventory.hosts for problem in _problems(inventory, host, components)
    )


def variable(name: str) -> str:
    """Return the variable of a key of `ports_of`; empty if the port is fixed."""
    first = name.split(" ")[0]
    return first if first in Settings.model_fields else ""


def _problems(inventory: Inventory, host: str, components: Sequence[Component] | None) -> Iterator[Problem]:
    settings = {**vars(Settings.model_validate(settings_values(inventory.variables[host]))), "groups": inventory.groups}
    groups = [group for group in inventory.groups if inventory.has(group, host)]
    ports = sorted(host_ports(settings, groups, components), key=lambda port: port.component.name)
    by_port: dict[tuple[str, int], list[HostPort]] = defaultdict(list)
    for port in ports:
        if port.single:
            by_port[port.port.protocol, port.first].append(port)
    ssh = str(inventory.variables[host].get("ansible_port") or _SSH)
    for (protocol, number), same in by_port.items():
        if len(same) > 1:
            yield _clash(number, same)
        if protocol == "tcp" and str(number) == ssh:
            yield _of_ssh(number, same[0].name, same[0].setting)
        for span in ports:
            if not span.single and span.port.protocol == protocol and span.first <= number <= span.last:
                yield _inside(span, same[0])
    yield from _too_high(ports, settings)
    if {"ray_head", "ray_worker"} & {*groups}:
        for name, number in role_ports(inventory.options or {}, inventory.variables[host]).items():
            if str(number) == ssh:
                yield _of_ssh(number, name, name)
            for port in ports:
                if port.port.protocol == "tcp" and port.first <= number <= port.last:
                    yield _of_role(name, number, port)


def role_ports(options: Mapping[str, Mapping[str, Any]], variables: Mapping[str, Any]) -> dict[str, int]:
    """Return the ports that only a role variable sets, by name: serving nodes listen on them during a deployment.

    `options` are the options of all roles, `variables` those of a host.
    """
    defaults = {name: option.get("default") for name, option in options.items() if name.endswith("_port")}
    values = {
        name: str(variables.get(name, default))
        for name, default in defaults.items()
        if isinstance(default, int) and default
    }
    return {name: int(value) for name, value in values.items() if value.isdecimal()}


def _clash(number: int, ports: Sequence[HostPort]) -> Problem:
    settable = [port for port in ports if port.setting]
    # Prefer to change a setting that no other ports are derived from.
    change = next((p for p in reversed(settable) if p.setting not in p.component.following), (settable or ports)[-1])
    *names, last = [port.name for port in ports]
    parameters = {"port": number, "names": names, "last": last, "hosts": HOSTS}
    template = _ASSIGNED_TWICE
    if not change.setting:
        remedy = N_("Run {title} on another host.")
        return Problem("port-clash", template, remedy, title=change.component.title, **parameters)
    return Problem("port-clash", template, N_("Set {name} to another port."), name=change.setting, **parameters)


def _of_ssh(number: int, name: str, setting: str) -> Problem:
    template = N_("Port {port} of {name} ({hosts}) is the port of SSH on that host.")
    remedy = N_("Set {setting} to another port.")
    return Problem("port-clash", template, remedy, port=number, name=name, setting=setting, hosts=HOSTS)


def _of_role(name: str, number: int, used: HostPort) -> Problem:
    if not used.single:
        return _in_range(name, number, used, name)
    template, parameters = _ASSIGNED_TWICE, {"port": number, "names": [used.name], "last": name, "hosts": HOSTS}
    return Problem("port-clash", template, N_("Set {name} to another port."), name=name, **parameters)


def _inside(span: HostPort, port: HostPort) -> Problem:
    return _in_range(port.name, port.first, span, port.setting, port.component.title)


def _in_range(name: str, number: int, span: HostPort, setting: str, title: str = "") -> Problem:
    parameters = {"port": number, "name": name, "first": span.first, "last": span.last, "hosts": HOSTS}
    user = Message("", span.port.purpose or span.component.title)
    template = N_("Port {port} of {name} ({hosts}) is in the range {first} to {last} of {user}.")
    if not setting:
        remedy = N_("Run {title} on another host.")
        return Problem("port-clash", template, remedy, user=user, title=title, **parameters)
    remedy = N_("Set {setting} to a port outside that range.")
    return Problem("port-clash", template, remedy, user=user, setting=setting, **parameters)


def _too_high(ports: Iterable[HostPort], settings: Mapping[str, Any]) -> Iterator[Problem]:
    highest = max(ports, key=lambda port: port.last, default=None)
    if highest and highest.last > _LAST:
        following = highest.component.following[highest.setting]
        yield Problem(
            "bad-value",
            N_("Variable {name} ({hosts}) is {value}, but {title} also uses the {following} ports after it."),
            N_("Set {name} to at most {highest}."),
            name=highest.setting,
            value=settings[highest.setting],
            title=highest.component.title,
            following=following,
            highest=_LAST - following,
            hosts=HOSTS,
        )
