"""Host systems: which are supported, and whose packages and repositories a derivative takes."""

from collections.abc import Iterable, Mapping

OLDEST = {"debian": "11", "ubuntu": "22.04", "rhel": "9", "openeuler": "22.03", "kylin": "10"}
"""The families that have variables files in the roles, each with the oldest release that is supported."""

_SAME = {"rocky": "rhel", "almalinux": "rhel", "centos": "rhel", "ol": "rhel"}  # rebuilds, release by release
_APT = ("debian", "ubuntu")


def system_family(distribution: Mapping[str, str]) -> str:
    """Return the family of a system as `node_facts` reports it (ID, ID_LIKE of os-release); empty when unknown."""
    for name in (distribution["id"], *distribution["id_like"].split()):
        if (family := _SAME.get(name, name)) in OLDEST:
            return family
    return ""


def supported(distribution: Mapping[str, str]) -> bool:
    """Say whether the roles are made for this system; a derivative's own version says nothing, so it passes."""
    family = system_family(distribution)
    if not family:
        return False
    if _SAME.get(distribution["id"], distribution["id"]) != family:
        return True
    version = numbers(distribution["version_id"])
    return not version or version >= numbers(OLDEST[family])


def numbers(version: str) -> list[int]:
    """Return the numbers of a release: `22.04` → [22, 4], Kylin's `v10` → [10]."""
    return [int(part) for part in version.removeprefix("v").split(".") if part.isdecimal()]


def package_spec(names: Iterable[str], version: str, family: str) -> list[str]:
    """Return packages pinned to a version in their manager's notation; `version` may leave out what follows it.

    apt: `docker-ce=5:26.1.3*`, with the epoch left open; dnf: `docker-ce-26.1.3*`.
    """
    if not version:
        return list(names)
    pin = f"=*{version}*" if family in _APT else f"-{version}*"
    return [f"{name}{pin}" for name in names]


def system_key(distribution: Mapping[str, str], architecture: str) -> str:
    """Return what nodes have in common that take the same packages: `debian-12-x86_64`.

    Of Red Hat's family only the major release counts: repositories serve all its minor ones.
    """
    version = distribution["version_id"]
    if system_family(distribution) == "rhel":
        version = version.partition(".")[0]
    return f"{distribution['id']}-{version}-{architecture}"
