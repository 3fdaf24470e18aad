"""Model folders that the user provides: their files, links, and copies that inferfleet did not download."""

from __future__ import annotations

import glob
import hashlib
import json
import os

from ansible.module_utils.weights import manifest

INDEX = "model.safetensors.index.json"
WEIGHTS = (".safetensors", ".bin")
CACHED = "models--"
"""Prefix of a repository's folder in Hugging Face's cache; its revisions are below `snapshots`."""


def describe(folders: list[str]) -> dict:
    """Return the state of the model in `folders[0]`, for which containers mount all `folders`.

    `missing` are shards of the index, and links to files that do not exist or cannot be read; `outside` maps links to
    targets outside `folders`, which a container does not see. `digest` covers the names and sizes of all weight files.
    """
    path = folders[0]
    visible = [os.path.realpath(folder) for folder in folders]
    missing, outside, sizes = set(), {}, {}
    for name in entries(path):
        full = os.path.join(path, name)
        target = os.path.realpath(full)
        if not os.path.exists(target):
            missing.add(name)
        elif not any(os.path.commonpath([target, folder]) == folder for folder in visible):
            outside[name] = target
        elif name.endswith((".json", *WEIGHTS)):
            sizes[name] = os.path.getsize(target)
    shards = manifest.read_json(os.path.join(path, INDEX)).get("weight_map", {})
    missing |= {name for name in shards.values() if not os.path.exists(os.path.join(path, name))}
    return {
        "path": path,
        "real_path": visible[0],
        "exists": os.path.lexists(os.path.join(path, "config.json")),
        "missing": sorted(missing),
        "outside": outside,
        "bytes": sum(sizes.values()),
        "digest": hashlib.sha256(json.dumps(sizes, sort_keys=True).encode()).hexdigest(),
    }


def entries(path: str) -> list[str]:
    """Return the names of all files and links below `path`, relative to it, without hidden ones."""
    found = []
    for base, folders, names in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith(".")]
        links = [name for name in folders if os.path.islink(os.path.join(base, name))]
        found += [os.path.relpath(os.path.join(base, name), path) for name in links + names if not name.startswith(".")]
    return found


def is_complete(folder: str) -> bool:
    """Return whether a folder has weights, and lacks none of its shards."""
    state = describe([folder])
    weights = [name for name in entries(folder) if name.endswith(WEIGHTS)]
    return bool(weights) and not state["missing"]


def repository_of(folder: str) -> str:
    """Return the `owner/name` of a repository's folder in Hugging Face's cache, by the folder's name."""
    return folder[len(CACHED) :].replace("--", "/", 1)


def copies(tree: str) -> dict[str, str]:
    """Return the folders below `tree` with a complete model that inferfleet did not download, by `owner/name`.

    Hugging Face's cache is found in `tree` itself and in the folder `hub` of a cache's home.
    """
    found, downloaded = {}, set()
    for config in sorted(glob.glob(f"{glob.escape(tree)}/*/*/config.json")):
        folder = os.path.dirname(config)
        name = os.path.relpath(folder, tree)
        if manifest.read(folder):
            downloaded.add(name)
        else:
            found[name] = folder
    for place in (tree, os.path.join(tree, "hub")):
        pattern = f"{glob.escape(place)}/{CACHED}*/snapshots/*/config.json"
        for config in sorted(glob.glob(pattern), key=lambda path: os.lstat(path).st_mtime):
            folder = os.path.dirname(config)
            found[repository_of(os.path.basename(os.path.dirname(os.path.dirname(folder))))] = folder
    return {name: folder for name, folder in found.items() if name not in downloaded and is_complete(folder)}
