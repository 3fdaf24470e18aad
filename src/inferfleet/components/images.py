"""Images and system packages that components need."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from inferfleet.components.loader import load_components
from inferfleet.components.schema import Component


def images(
    plan: Mapping[str, Any], groups: Collection[str] | None = None, components: Sequence[Component] | None = None
) -> list[str]:
    """Return the images of the components that run in `groups` (None: in any), each once."""
    named = (
        str(plan.get(c.plan_image, "")) if c.plan_image else c.image
        for c in _running(plan, groups, components)
        if c.container
    )
    return list(dict.fromkeys(filter(None, named)))


def packages(
    plan: Mapping[str, Any], groups: Collection[str] | None = None, components: Sequence[Component] | None = None
) -> list[str]:
    """Return the packages of the components that run in `groups` (None: in any), each once."""
    return list(dict.fromkeys(name for c in _running(plan, groups, components) for name in c.packages))


def _running(
    plan: Mapping[str, Any], groups: Collection[str] | None, components: Sequence[Component] | None
) -> Iterator[Component]:
    for component in load_components() if components is None else components:
        wanted = all(plan.get(key, value) == value for key, value in component.only.items())
        if component.with_group and groups is not None:
            wanted = wanted and component.with_group in groups
        if wanted and (groups is None or not set(groups).isdisjoint(component.groups)):
            yield component
