"""Load the components: every file on this package's search path, in deployment order."""

from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from inferfleet import components
from inferfleet.catalog.loader import CatalogError, load_file, pick
from inferfleet.components.schema import Component
from inferfleet.messages import N_

FOLDER = Path(__file__).parent


def load_components(folder: Path | None = None) -> tuple[Component, ...]:
    """Return the components in deployment order, then by name.

    `folder` replaces the package's search path. Raises CatalogError.
    """
    return load_folders((str(folder),) if folder else tuple(components.__path__))


@cache
def load_folders(folders: tuple[str, ...]) -> tuple[Component, ...]:
    """Return the components of several folders in deployment order; raises CatalogError."""
    files = {file.stem: file for folder in folders for file in sorted(Path(folder).glob("*.yml"))}
    read = {name: load_file(file, Component).model_copy(update={"name": name}) for name, file in files.items()}
    for name, component in read.items():
        for key in ("after", "fronts"):
            if missing := [other for other in getattr(component, key) if other not in read]:
                template = N_("File {file}: key {key} names component {name}, which has no file.")
                raise CatalogError(template, file=files[name], key=key, name=missing[0])
    sorter = TopologicalSorter({name: component.after for name, component in read.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        template = N_("File {file}: key after forms a cycle: {names}.")
        raise CatalogError(template, file=files[error.args[1][0]], names=error.args[1]) from None
    ordered: list[Component] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        ordered += (read[name] for name in ready)
        sorter.done(*ready)
    everywhere = tuple(dict.fromkeys(group for component in ordered for group in component.groups if group != "*"))
    return tuple(
        component.model_copy(update={"groups": everywhere}) if component.groups == ("*",) else component
        for component in ordered
    )


def load_component(name: str) -> Component:
    """Return the component called `name`; raises UnknownNameError."""
    return pick("component_service_name", name, {component.name: component for component in load_components()})


def load_groups(folder: Path | None = None) -> tuple[str, ...]:
    """Return the inventory groups that components run in, each once, in deployment order."""
    return tuple(dict.fromkeys(group for component in load_components(folder) for group in component.groups))
