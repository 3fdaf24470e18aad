"""Whether a bundle holds what a deployment needs, before anything is changed; and where its parts lie."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inferfleet.bundle.index import FORMAT, INDEX, read_index
from inferfleet.messages import Problem

_MAKE = "Make it with playbooks/bundle.yml and this inventory where there is a way out, and copy the folder here."


def check_bundle(
    folder: Path, images: Sequence[str], checkpoint: str, revision: str, systems: Mapping[str, str]
) -> list[Problem]:
    """Return what speaks against deploying from the bundle in `folder`.

    `images` are those that will run, `checkpoint` the repository of the weights (empty: a folder of the user's),
    `revision` the one that is wanted, `systems` the key of each host's system (see `system_key`).
    """
    index = read_index(folder)
    if not index:
        return [_problem(f"Variable offline_bundle is {folder}, where no {INDEX} can be read.", _MAKE)]
    if index.get("format") != FORMAT:
        return [
            _problem(f"The bundle {folder} has format {index.get('format')}, but this is for format {FORMAT}.", _MAKE)
        ]
    problems = [
        _problem(f"The bundle {folder} has no image {name}; it holds {', '.join(index['images'])}.", _MAKE)
        for name in images
        if name not in index["images"]
    ]
    for key in sorted(set(systems.values()) - set(index["systems"])):
        host = next(host for host, its in systems.items() if its == key)
        held = ", ".join(index["systems"])
        problems.append(_problem(f"The bundle {folder} has no packages for {key} (host {host}); it has {held}.", _MAKE))
    found = index.get("checkpoint", {})
    if checkpoint and (found.get("repository"), found.get("revision")) != (checkpoint, revision):
        shown = f"{found.get('repository')} ({found.get('revision')})" if found else "no checkpoint"
        problems.append(
            _problem(f"The bundle {folder} is for {shown}, but the plan is {checkpoint} ({revision}).", _MAKE)
        )
    if problems:
        return problems
    return _damage(folder, index, set(systems.values()))


def _damage(folder: Path, index: Mapping[str, Any], keys: set[str]) -> list[Problem]:
    """Compare sizes of all files, and hashes of those that go to the nodes as they are."""
    hashed = {index["systems"][key]["file"] for key in keys} | {"checkpoint.json"}
    for name, entry in index["files"].items():
        path = folder / name
        size = path.stat().st_size if path.is_file() else None
        remedy = "Copy the bundle again from where it was made."
        if size is None:
            return [_problem(f"The bundle {folder} is not whole: {name} is missing.", remedy)]
        if size != entry["size"]:
            return [_problem(f"The bundle {folder} is not whole: {name} has {size} of {entry['size']} bytes.", remedy)]
        if name in hashed:
            with path.open("rb") as content:
                found = hashlib.file_digest(content, "sha256").hexdigest()
            if found != entry["sha256"]:
                return [_problem(f"The bundle {folder} is damaged: {name} has another SHA-256 than its index.", remedy)]
    return []


def bundle_facts(folder: Path, checkpoint: str, node_path: str, settings: str) -> dict[str, Any]:
    """Return where a good bundle's parts lie, on the controller and (below `node_path`) on the nodes.

    `settings` is the folder on the nodes where the role offline_bundle keeps the settings of their package manager.
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


def _problem(message: str, remedy: str) -> Problem:
    return Problem("unfit-bundle", message, remedy)
