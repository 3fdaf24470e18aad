"""What to say of a model that does not fit, with everything that would."""

from dataclasses import replace
from typing import Any

from inferfleet.catalog import Checkpoint, Model, load_models
from inferfleet.planner.checkpoints import LOSSLESS, runs
from inferfleet.planner.choose import EngineChoice
from inferfleet.planner.fit import FREE, LEAST_CONTEXT, Sizing, size_up
from inferfleet.planner.fleet import Fleet
from inferfleet.planner.memory import GIB
from inferfleet.planner.refusals import DoesNotFit, Refusal
from inferfleet.settings import Settings

_MOST_NODES = 64


def no_fit(
    settings: Settings,
    model: Model,
    checkpoint: Checkpoint,
    choice: EngineChoice,
    fleet: Fleet,
    sizing: Sizing,
) -> list[Refusal]:
    """Return the refusal of a model that does not fit, with everything that would."""
    held = sizing.budget
    assert held is not None
    missing = held.missing_bytes
    what = (
        f"{held.weights_bytes / GIB:.1f} GiB weights, {held.activation_bytes / GIB:.1f} GiB activations and"
        f" {held.overhead_bytes / GIB:.1f} GiB overhead exceed the"
        f" {(held.total_bytes - held.free_bytes) / GIB:.1f} GiB usable by {missing / GIB:.1f} GiB a GPU"
        if missing
        else f"after {held.weights_bytes / GIB:.1f} GiB of weights the KV cache holds {held.kv_cache_tokens} tokens,"
        f" less than the {min(sizing.limits.max_model_len, LEAST_CONTEXT)} that make a service"
    )
    message = (
        f"Variable model is {settings.model}, but {checkpoint.id} ({checkpoint.precision}) does not fit onto"
        f" {fleet.size} × {fleet.name} with {sizing.layout}: {what}."
    )
    offers: list[str] = []
    change: dict[str, Any] = {}
    reset = FREE
    if any(getattr(settings, key) for key in reset):
        free = size_up(settings.model_copy(update=reset), model, checkpoint, choice, fleet, None)
        if free.works:
            change = dict(reset)
            replicas = ", data_parallel_size" if settings.data_parallel_size else ""
            offers.append(f"set tensor_parallel_size{replicas} and pipeline_parallel_size to 0")
    nodes = _nodes_needed(settings, model, checkpoint, choice, fleet)
    if nodes:
        offers.append(
            f"use {nodes * fleet.per_node - fleet.size} more {fleet.name} ({nodes} nodes of {fleet.per_node})"
        )
        change = change or {"nodes": nodes, **({"data_parallel_size": 0} if settings.data_parallel_size else {})}
    smaller = _smaller_checkpoint(settings, model, checkpoint, choice, fleet)
    if smaller:
        offers.append(f"set checkpoint to {smaller.id} ({smaller.precision})")
        change = change or {"checkpoint": smaller.id, "precision": "", **reset}
    name = _smaller_model(settings, model, choice, fleet)
    if name:
        offers.append(f"set model to {name}")
        change = change or {"model": name, "checkpoint": "", "precision": "", **reset}
    if not offers:
        offers.append("use accelerators with more memory")
    text = ", or ".join(offers)
    return [DoesNotFit(message, f"{text[0].upper()}{text[1:]}.", change)]


def _nodes_needed(settings: Settings, model: Model, checkpoint: Checkpoint, choice: EngineChoice, fleet: Fleet) -> int:
    if not choice.engine.multi_node:
        return 0
    free = settings.model_copy(update=FREE)
    for count in range(len(fleet.nodes) + 1, _MOST_NODES + 1):
        # Only the number of nodes counts here, so any of them stands for the new ones.
        grown = replace(fleet, nodes=tuple(fleet.nodes[i % len(fleet.nodes)] for i in range(count)))
        if size_up(free, model, checkpoint, choice, grown, None).works:
            return count
    return 0


def _smaller_checkpoint(
    settings: Settings, model: Model, checkpoint: Checkpoint, choice: EngineChoice, fleet: Fleet
) -> Checkpoint | None:
    free = settings.model_copy(update=FREE)
    usable = [
        c
        for c in model.checkpoints
        if c.tensor_bytes < checkpoint.tensor_bytes and runs(choice.engine, fleet.accelerator, c)
    ]
    usable.sort(key=lambda c: c.precision not in LOSSLESS)
    return next((c for c in usable if size_up(free, model, c, choice, fleet, None).works), None)


def _smaller_model(settings: Settings, model: Model, choice: EngineChoice, fleet: Fleet) -> str | None:
    free = settings.model_copy(
        update={**FREE, "num_speculative_tokens": 0, "enable_expert_parallel": False, "max_model_len": 0}
    )
    smaller = sorted(
        (
            (entry.checkpoints[0].tensor_bytes, name, entry)
            for name, entry in load_models().items()
            if "distill" in name and entry.checkpoints[0].tensor_bytes < model.checkpoints[0].tensor_bytes
        ),
        reverse=True,
    )
    for _, name, entry in smaller:
        if entry.architecture.name not in choice.engine.architectures:
            continue
        for checkpoint in entry.checkpoints[:1]:
            if runs(choice.engine, fleet.accelerator, checkpoint):
                sized = size_up(free, entry, checkpoint, choice, fleet, None)
                if sized.works:
                    return name
    return None
