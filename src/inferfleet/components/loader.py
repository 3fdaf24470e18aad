"""Reads the folder of components: one file each, in the order of deployment."""

from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import yaml
from pydantic import ValidationError

from inferfleet.components.schema import Component

FOLDER = Path(__file__).parent


class ComponentError(ValueError):
    """A component's file that cannot be used: names file, key and reason."""


@cache
def load_components(folder: Path = FOLDER) -> tuple[Component, ...]:
    """Return the components of a folder in the order of their deployment, by name where that leaves a choice.

    Raises ComponentError.
    """
    components = {file.stem: _read(file) for file in sorted(folder.glob("*.yml"))}
    for component in components.values():
        if missing := [name for name in component.after if name not in components]:
            raise ComponentError(f"File {folder / component.name}.yml: after names {missing[0]}, which has no file.")
    sorter = TopologicalSorter({name: component.after for name, component in components.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        raise ComponentError(f"Folder {folder}: {' after '.join(error.args[1])} cannot be put in order.") from None
    ordered: list[Component] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        ordered += (components[name] for name in ready)
        sorter.done(*ready)
    return tuple(ordered)


def load_component(name: str) -> Component:
    """Return the component called `name`; raises ComponentError."""
    for component in load_components():
        if component.name == name:
            return component
    raise ComponentError(f"There is no component {name}; known are {', '.join(c.name for c in load_components())}.")


def load_groups(folder: Path = FOLDER) -> tuple[str, ...]:
    """Return the inventory's groups that components run in, each once, in the order of deployment."""
    return tuple(dict.fromkeys(group for component in load_components(folder) for group in component.groups))


def _read(file: Path) -> Component:
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
        return Component.model_validate({**values, "name": file.stem})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "(entire file)"
        raise ComponentError(f"File {file}: key {key}: {first['msg']}.") from None
    except (OSError, TypeError, yaml.YAMLError) as error:
        raise ComponentError(f"File {file} cannot be read: {error}.") from None
