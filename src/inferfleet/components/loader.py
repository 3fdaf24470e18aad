"""Load the components: every file on this package's search path, in deployment order."""

from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import yaml
from pydantic import ValidationError

from inferfleet import components
from inferfleet.components.schema import Component

FOLDER = Path(__file__).parent


class ComponentError(ValueError):
    """An invalid component file; the message names file, key and reason."""


def load_components(folder: Path | None = None) -> tuple[Component, ...]:
    """Return the components in deployment order, then by name.

    `folder` replaces the package's search path. Raises ComponentError.
    """
    return load_folders((str(folder),) if folder else tuple(components.__path__))


@cache
def load_folders(folders: tuple[str, ...]) -> tuple[Component, ...]:
    """Return the components of several folders in deployment order; raises ComponentError."""
    files = {file.stem: file for folder in folders for file in sorted(Path(folder).glob("*.yml"))}
    read = {name: _read(file) for name, file in files.items()}
    for name, component in read.items():
        if missing := [other for other in component.after if other not in read]:
            raise ComponentError(f"File {files[name]}: after names {missing[0]}, which has no file.")
    sorter = TopologicalSorter({name: component.after for name, component in read.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        cycle = error.args[1]
        folder = files[cycle[0]].parent
        raise ComponentError(f"Folder {folder}: {' after '.join(cycle)} cannot be put in order.") from None
    ordered: list[Component] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        ordered += (read[name] for name in ready)
        sorter.done(*ready)
    return tuple(ordered)


def load_component(name: str) -> Component:
    """Return the component called `name`; raises ComponentError."""
    for component in load_components():
        if component.name == name:
            return component
    raise ComponentError(f"There is no component {name}; known are {', '.join(c.name for c in load_components())}.")


def load_groups(folder: Path | None = None) -> tuple[str, ...]:
    """Return the inventory groups that components run in, each once, in deployment order."""
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
