from collections.abc import Callable
from typing import Any

import pytest

from inferfleet.inventory import Inventory
from inferfleet.settings import Settings

DEFAULTS = Settings().model_dump()


def build_inventory(
    groups: dict[str, list[str]] | None = None,
    hosts: dict[str, dict[str, Any]] | None = None,
    drop: tuple[str, ...] = (),
    known: tuple[str, ...] = (),
    **everywhere: Any,
) -> Inventory:
    groups = groups or {"ray_head": ["node1"], "ray_worker": ["node2"], "webui": ["node1"]}
    hosts = hosts or {}
    names = [host for members in groups.values() for host in members]
    shared = {name: value for name, value in (DEFAULTS | everywhere).items() if name not in drop}
    addresses = {host: {"ansible_host": f"10.0.0.{number}"} for number, host in enumerate(dict.fromkeys(names), 11)}
    variables = {host: addresses[host] | shared | hosts.get(host, {}) for host in names}
    return Inventory(groups, variables, {key: {} for key in known})


@pytest.fixture(scope="session")
def build() -> Callable[..., Inventory]:
    """Build a valid inventory of two nodes, with changes.

    `everywhere` are variables of all hosts, `hosts` those of single ones, `drop` names those to leave out.
    """
    return build_inventory
