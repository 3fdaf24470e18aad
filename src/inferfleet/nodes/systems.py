"""The operating system of a node: whether it is supported, and its packages and repositories by the catalog."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from inferfleet.catalog.loader import FOLDER
from inferfleet.catalog.system import System, load_systems

Distribution = Mapping[str, str]
"""ID, ID_LIKE, VERSION_ID and VERSION_CODENAME of os-release in lower case, as the module node_facts returns them."""


def system_of(distribution: Distribution, folder: Path = FOLDER) -> System | None:
    """Return the catalog's entry for a node, with what holds from its release on; None: it is unknown.

    The version of a derivative has its own count, so a derivative counts as the newest release.
    """
    systems = load_systems(folder)
    for name in (distribution["id"], *distribution["id_like"].split()):
        system = next((entry for key, entry in systems.items() if name == key or name in entry.rebuilds), None)
        if system:
            version = numbers(distribution["version_id"])
            derived = name != distribution["id"] or not version
            merged = system.model_dump()
            for release in sorted(system.since, key=numbers):
                if derived or numbers(release) <= version:
                    merged = _merge(merged, system.since[release])
            return System.model_validate(merged)
    return None


def supported(distribution: Distribution) -> bool:
    """Return whether the roles support a node's system; a derivative's own version does not matter."""
    system = system_of(distribution)
    if system is None:
        return False
    version = numbers(distribution["version_id"])
    own = distribution["id"] in load_systems() or distribution["id"] in system.rebuilds
    return not own or not version or version >= numbers(system.oldest)


def oldest_systems() -> list[str]:
    """Return name and oldest release of every supported system."""
    return [f"{system.title} {system.oldest}" for system in load_systems().values()]


def package_manager(distribution: Distribution) -> str:
    """Return `apt` or `dnf`; raises LookupError where the system is unknown."""
    return _known(distribution).package_manager


def system_entry(distribution: Distribution, part: str, **values: str) -> Any:
    """Return one part of a node's entry (`docker`, `nvidia_driver`, …) with all placeholders filled in.

    `values` are those placeholders that are not of the system. Raises LookupError where the system is unknown.
    """
    version = distribution["version_id"]
    own = {
        "id": distribution["id"],
        "version": version,
        "major": version.partition(".")[0],
        "digits": version.replace(".", ""),
        "codename": distribution["version_codename"],
    }
    return _filled(_known(distribution).model_dump()[part], {**own, **values})


def system_images() -> dict[str, str]:
    """Return the container images that collect systems' packages: `debian-12` -> `debian:12`."""
    return {name: image for system in load_systems().values() for name, image in system.images.items()}


def numbers(version: str) -> list[int]:
    """Return the numbers of a release: `22.04` → [22, 4], Kylin's `v10` → [10]."""
    return [int(part) for part in version.removeprefix("v").split(".") if part.isdecimal()]


def package_spec(names: Iterable[str], version: str, manager: str) -> list[str]:
    """Return packages pinned to a version in their manager's notation; `version` may be a prefix.

    apt: `docker-ce=5:26.1.3*`, with any epoch; dnf: `docker-ce-26.1.3*`.
    """
    if not version:
        return list(names)
    pin = f"=*{version}*" if manager == "apt" else f"-{version}*"
    return [f"{name}{pin}" for name in names]


def system_key(distribution: Distribution, architecture: str) -> str:
    """Return what nodes have in common that use the same packages: `debian-12-x86_64`."""
    version = distribution["version_id"]
    system = system_of(distribution)
    if system and system.repositories_by == "major":
        version = version.partition(".")[0]
    return f"{distribution['id']}-{version}-{architecture}"


def _known(distribution: Distribution) -> System:
    system = system_of(distribution)
    if system is None:
        raise LookupError(f"the catalog has no operating system {distribution['id'] or 'without an ID'}")
    return system


def _merge(base: dict[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in change.items():
        merged[key] = _merge(merged[key], value) if isinstance(value, Mapping) else value
    return merged


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return value.format_map(values)
    if isinstance(value, Mapping):
        return {key: _filled(item, values) for key, item in value.items()}
    return [_filled(item, values) for item in value]
