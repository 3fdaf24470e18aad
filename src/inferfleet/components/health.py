"""HTTP health checks of components."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from inferfleet.components.loader import load_components
from inferfleet.components.ports import host_ports, runs
from inferfleet.components.schema import Component


def http_checks(
    settings: Mapping[str, Any], groups: Collection[str], components: Sequence[Component] | None = None
) -> list[dict[str, Any]]:
    """Return `title`, `port` and `path` of each component of a host that is checked over HTTP only."""
    first: dict[str, dict[str, Any]] = {}
    for used in host_ports(settings, groups, components):
        component = used.component
        if component.health.status == "http" and component.ports[0] is used.port:
            first[component.name] = {"title": component.title, "port": used.first, "path": component.health.path}
    return list(first.values())


def unit_checks(
    settings: Mapping[str, Any], groups: Collection[str], components: Sequence[Component] | None = None
) -> list[dict[str, str]]:
    """Return `title` and `unit` of each component of a host of which only its unit is checked."""
    known = load_components() if components is None else components
    return [
        {"title": component.title, "unit": component.unit}
        for component in known
        if component.health.status == "unit" and runs(component, settings, groups)
    ]
