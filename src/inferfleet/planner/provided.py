"""Check the model folder that the user provides, and copies of the model that inferfleet did not download."""

from collections.abc import Mapping
from typing import Any

from inferfleet.catalog import Checkpoint
from inferfleet.catalog.folder import provided_folders
from inferfleet.messages import N_, Message
from inferfleet.planner.choose import EngineChoice
from inferfleet.planner.fleet import Fleet
from inferfleet.planner.refusals import (
    EngineUnsupported,
    ModelFolderDiffers,
    ModelFolderIncomplete,
    ModelFolderMissing,
    ModelPresent,
    Refusal,
)
from inferfleet.settings import Settings


def check_model_folder(fleet: Fleet) -> list[Refusal]:
    """Require the same complete model, which containers can read, in the user's folder on every node."""
    path = next(iter(provided_folders(fleet.settings.model)), "")
    folders: dict[str, Mapping[str, Any]] = {}
    for node in fleet.nodes:
        state = node.facts.get("model_folder")
        if isinstance(state, Mapping) and state.get("path") == path:  # facts of a file may describe another model
            folders[node.name] = state
    problems = [problem for host, state in folders.items() for problem in _problems(host, state)]
    if problems or len({state["digest"] for state in folders.values()}) < 2:
        return problems
    template = N_("{count} bytes on {node}")
    return [
        ModelFolderDiffers(
            N_("Variable model is {path}, whose files differ in name or size between hosts: {shown}."),
            N_("Copy the folder of one node to the others, or mount the same network file system on all of them."),
            path=path,
            shown=[Message("", template, count=state["bytes"], node=host) for host, state in folders.items()],
        )
    ]


def link_problems(settings: Settings, choice: EngineChoice) -> list[Refusal]:
    """Refuse a revision in Hugging Face's cache for an engine that reads no links."""
    path, *linked = provided_folders(settings.model) or [""]
    if not linked or choice.engine.reads_links:
        return []
    return [
        EngineUnsupported(
            N_("Variable engine is {engine}, which does not read the links in Hugging Face's cache {path}."),
            N_("Copy the files to a folder of their own with `cp -rL` on every node, and set model to it."),
            engine=choice.name,
            path=path,
        )
    ]


def _problems(host: str, state: Mapping[str, Any]) -> list[Refusal]:
    path = state["path"]
    if not state["exists"]:
        return [
            ModelFolderMissing(
                N_("Variable model is {path}, but {host} has no {path}/config.json."),
                N_("Mount or copy the model to the same path on every node, or name a model of the catalog."),
                path=path,
                host=host,
            )
        ]
    if missing := state["missing"]:
        return [
            ModelFolderIncomplete(
                N_("Folder {path} on {host} lacks files, or has links to files that do not exist: {shown}."),
                N_("Download or copy the model again, together with the folder that its links point to."),
                path=path,
                host=host,
                shown=_first(missing),
            )
        ]
    if outside := state["outside"]:
        remedy = N_("Replace the links with the files, for example with `cp -rL`.")
        if state["real_path"] != path:
            remedy = N_("Set model to {real_path}, or replace the links with the files, for example with `cp -rL`.")
        return [
            ModelFolderIncomplete(
                N_("Folder {path} on {host} has links to files outside of it, which containers do not see: {shown}."),
                remedy,
                path=path,
                host=host,
                shown=_first([f"{name} -> {target}" for name, target in sorted(outside.items())]),
                real_path=state["real_path"],
            )
        ]
    return []


def _first(names: list[str]) -> list[str]:
    """Return at most three names."""
    return names[:3] + ["…"] * (len(names) > 3)


def check_copies(fleet: Fleet, checkpoint: Checkpoint) -> list[Refusal]:
    """Refuse to download a model that every node has in the same folder already; a download would store it twice."""
    if checkpoint.publisher == "local":
        return []
    held = [node.facts.get("copies") for node in fleet.nodes]
    paths = {copies.get(checkpoint.id, "") if isinstance(copies, Mapping) else "" for copies in held}
    path = next(iter(paths))
    if len(paths) > 1 or not path:
        return []
    return [
        ModelPresent(
            N_("Every node has {checkpoint} in {path}, which inferfleet did not download: it would be stored twice."),
            N_(
                "Set model to {path} to serve these files (the controller needs {path}/config.json too), or remove the"
                " folder to download the model."
            ),
            checkpoint=checkpoint.id,
            path=path,
        )
    ]
