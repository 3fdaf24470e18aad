"""Ports that components listen on at a host, from its groups and the settings."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inferfleet.components.loader import load_components
from inferfleet.components.schema import Component, Port
from inferfleet.engines import own_port


@dataclass(frozen=True)
class HostPort:
    """A port, or a range of ports, that a component listens on at a host."""

    component: Component
    port: Port
    first: int
    last: int

    @property
    def setting(self) -> str:
        """The setting that changes the port; empty if it is fixed."""
        return self.port.setting

    @property
    def name(self) -> str:
        """Name in messages: its setting or its component's title, and its purpose."""
        purpose = f" (for {self.port.purpose})" if self.port.purpose else ""
        return f"{self.setting or self.component.title}{purpose}"

    @property
    def single(self) -> bool:
        """Whether it is one port, not a range."""
        return self.first == self.last


def runs(component: Component, settings: Mapping[str, Any], groups: Collection[str]) -> bool:
    """Return whether a component runs on a host that is in `groups`.

    Key `groups` of `settings` holds the hosts of each group of the inventory.
    """
    if set(groups).isdisjoint(component.groups):
        return False
    wanted = all(settings[key] == value for key, value in component.only.items())
    wanted = wanted and all(settings[key] for key in component.needs)
    if component.with_group:
        wanted = wanted and bool(settings.get("groups", {}).get(component.with_group))
    return wanted


def host_ports(
    settings: Mapping[str, Any], groups: Collection[str], components: Sequence[Component] | None = None
) -> Iterator[HostPort]:
    """Yield the ports of the components that run on a host in `groups`."""
    for component in load_components() if components is None else components:
        if runs(component, settings, groups):
            for port in component.ports:
                if not set(groups).isdisjoint(port.groups or component.groups):
                    first = _number(port, settings) + port.offset
                    yield HostPort(component, port, first, port.last or first)


def settings_read() -> set[str]:
    """Return the settings that determine which components run and their ports; in addition, `runs` reads `groups`."""
    components = load_components()
    ports = [port for component in components for port in component.ports]
    settings = {port.setting for port in ports if port.setting}
    if any(port.number == "engine" for port in ports):  # the engine's default port
        settings.add("engine")
    return settings.union(*((*component.only, *component.needs) for component in components))


def _number(port: Port, settings: Mapping[str, Any]) -> int:
    """Return the port in the setting, else the component's default."""
    if port.setting and (number := int(settings[port.setting])):
        return number
    if port.number == "engine":
        return own_port(settings["engine"])
    return int(port.number)
