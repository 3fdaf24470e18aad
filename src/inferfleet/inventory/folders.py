"""Folders of the nodes that must not contain each other, because each is filled and removed as a unit.

Only model_root may contain others: of its folders, inferfleet touches none but those of models, so that a node whose
only data disk is /data can have its weights there and Docker in /data/docker.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import PurePosixPath
from typing import Any

from inferfleet.inventory.model import HOSTS, Inventory
from inferfleet.inventory.options import is_node_folder
from inferfleet.messages import N_, Problem
from inferfleet.settings import Settings

_SETTINGS = ("model_root", "container_data_root")


def check_folders(inventory: Inventory) -> list[Problem]:
    """Require separate folders for weights, Docker and other data; all settings must have the right type."""
    defaults = {name: str(Settings.model_fields[name].default) for name in _SETTINGS}
    options = inventory.options or {}
    defaults |= {name: option["default"] for name, option in options.items() if is_node_folder(option)}
    return inventory.group_by_problem(
        (host, problem) for host in inventory.hosts for problem in _problems(inventory.variables[host], defaults)
    )


def _problems(variables: Mapping[str, Any], defaults: Mapping[str, str]) -> Iterator[Problem]:
    folders = {name: PurePosixPath(str(variables.get(name) or default)) for name, default in defaults.items()}
    for (kept, outer), (changed, inner) in combinations(folders.items(), 2):
        if outer.is_relative_to(inner) or (inner.is_relative_to(outer) and kept != "model_root"):
            yield Problem(
                "nested-folders",
                N_("Variable {name} ({hosts}) is {path}, but {other} is {other_path}: each needs a folder of its own."),
                N_("Set {name} to a separate folder, for example {example}."),
                name=changed,
                path=str(inner),
                other=kept,
                other_path=str(outer),
                example=f"{outer}-{PurePosixPath(defaults[changed]).name}",
                hosts=HOSTS,
            )
