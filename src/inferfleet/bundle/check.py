"""Validation of a bundle against a deployment, and the paths of its parts."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inferfleet.bundle.index import FORMAT, INDEX, read_index
from inferfleet.messages import N_, Message, Problem

_MAKE = N_(
    "Create it with playbooks/bundle.yml and this inventory on a machine with internet access, and copy the folder"
    " here."
)


def check_bundle(
    folder: Path, images: Sequence[str], checkpoint: str, revision: str, systems: Mapping[str, str]
) -> list[Problem]:
    """Return the problems that prevent a deployment from the bundle in `folder`.

    `images` are those that will run, `checkpoint` is the repository of the weights (empty: the user's own folder),
    `revision` the required revision, `systems` maps hosts to the key of their system (see `system_key`).
    """
    index = read_index(folder)
    if not index:
        unreadable = N_("Variable offline_bundle is {folder}, where {index} is missing or cannot be read.")
        return [_unfit(unreadable, _MAKE, folder=str(folder), index=INDEX)]
    if index.get("format") != FORMAT:
        message = N_(
            "The bundle {folder} has format {format}, but this version of inferfleet requires format {wanted}."
        )
        return [_unfit(message, _MAKE, folder=str(folder), format=index.get("format"), wanted=FORMAT)]
    no_image = N_("The bundle {folder} has no image {image}; it contains {images}.")
    problems = [
        _unfit(no_image, _MAKE, folder=str(folder), image=name, images=list(index["images"]))
        for name in images
        if name not in index["images"]
    ]
    no_packages = N_(
        "The bundle {folder} has no packages for {system} (host {host}); it contains packages for {systems}."
    )
    for key in sorted(set(systems.values()) - set(index["systems"])):
        host = next(host for host, its in systems.items() if its == key)
        systems_held = list(index["systems"])
        problems.append(_unfit(no_packages, _MAKE, folder=str(folder), system=key, host=host, systems=systems_held))
    bundled = index.get("checkpoint", {})
    if checkpoint and (bundled.get("repository"), bundled.get("revision")) != (checkpoint, revision):
        message = N_("The bundle {folder} contains {held}, but the plan requires {checkpoint} ({revision}).")
        held = (
            f"{bundled.get('repository')} ({bundled.get('revision')})" if bundled else Message("", N_("no checkpoint"))
        )
        wanted = {"checkpoint": checkpoint, "revision": revision}
        problems.append(_unfit(message, _MAKE, folder=str(folder), held=held, **wanted))
    if problems:
        return problems
    return _damage(folder, index, set(systems.values()))


def _damage(folder: Path, index: Mapping[str, Any], keys: set[str]) -> list[Problem]:
    """Compare the sizes of all files, and the hashes of those that are copied to the nodes unchanged."""
    hashed = {index["systems"][key]["file"] for key in keys} | {"checkpoint.json"}
    remedy = N_("Copy the bundle again from the machine where it was created.")
    for name, entry in index["files"].items():
        path = folder / name
        size = path.stat().st_size if path.is_file() else None
        if size is None:
            missing = N_("The bundle {folder} is incomplete: {file} is missing.")
            return [_unfit(missing, remedy, folder=str(folder), file=name)]
        if size != entry["size"]:
            short = N_("The bundle {folder} is incomplete: {file} has {size} of {wanted} bytes.")
            return [_unfit(short, remedy, folder=str(folder), file=name, size=size, wanted=entry["size"])]
        if name in hashed:
            with path.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
            if digest != entry["sha256"]:
                damaged = N_("The bundle {folder} is damaged: the SHA-256 of {file} differs from its index.")
                return [_unfit(damaged, remedy, folder=str(folder), file=name)]
    return []


def bundle_facts(folder: Path, checkpoint: str, node_path: str, settings: str) -> dict[str, Any]:
    """Return the paths of a valid bundle's parts, on the controller and (below `node_path`) on the nodes.

    `settings` is the folder on the nodes that holds the package manager settings of the role offline_bundle.
    """
    index = read_index(folder)
    weights = folder / "weights" / checkpoint
    return {
        "path": str(folder),
        "node_path": node_path,
        "systems": {key: str(folder / system["file"]) for key, system in index["systems"].items()},
        "images": {
            name: {"path": f"{node_path}/{image['file']}", "layers": image["layers"]}
            for name, image in index["images"].items()
        },
        "manifest": str(folder / "checkpoint.json") if checkpoint else "",
        "weights": str(weights) if checkpoint and weights.is_dir() else "",
        "environment": {
            "APT_CONFIG": f"{settings}/apt.conf",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": f"{node_path}/wheels",
        },
    }


def _unfit(message: str, remedy: str, **parameters: Any) -> Problem:
    return Problem("unfit-bundle", message, remedy, **parameters)
