"""Report a model that does not fit, with the changes that would make it fit."""

from dataclasses import replace
from functools import reduce
from typing import Any

from inferfleet.catalog import Checkpoint, Model, load_models
from inferfleet.messages import N_, Message
from inferfleet.planner.checkpoints import LOSSLESS, runs
from inferfleet.planner.choose import EngineChoice
from inferfleet.planner.fit import FREE, LEAST_CONTEXT, Sizing, compute_sizing
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
    """Return the problem of a model that does not fit, with the changes that would make it fit."""
    held = sizing.budget
    assert held is not None
    missing = held.missing_bytes
    if missing:
        what = Message(
            "",
            N_(
                "{weights:.1f} GiB weights, {activation:.1f} GiB activations and {overhead:.1f} GiB overhead exceed"
                " the usable {usable:.1f} GiB by {missing:.1f} GiB per GPU"
            ),
            weights=held.weights_bytes / GIB,
            activation=held.activation_bytes / GIB,
            overhead=held.overhead_bytes / GIB,
            usable=(held.total_bytes - held.free_bytes) / GIB,
            missing=missing / GIB,
        )
    else:
        what = Message(
            "",
            N_(
                "next to {weights:.1f} GiB of weights the KV cache holds {tokens} tokens, fewer than the minimum of"
                " {least}"
            ),
            weights=held.weights_bytes / GIB,
            tokens=held.kv_cache_tokens,
            least=min(sizing.limits.max_model_len, LEAST_CONTEXT),
        )
    offers: list[Message] = []
    change: dict[str, Any] = {}
    reset = FREE
    if any(getattr(settings, key) for key in reset):
        free = compute_sizing(settings.model_copy(update=reset), model, checkpoint, choice, fleet, None)
        if free.works:
            change = dict(reset)
            freed = [key for key in reset if getattr(settings, key) or key != "data_parallel_size"]
            offers.append(Message("", N_("set {settings} to 0"), settings=freed))
    nodes = _nodes_needed(settings, model, checkpoint, choice, fleet)
    if nodes:
        offers.append(
            Message(
                "",
                N_("add {more} {accelerator} ({nodes} nodes with {per_node} each)"),
                more=nodes * fleet.per_node - fleet.size,
                accelerator=fleet.name,
                nodes=nodes,
                per_node=fleet.per_node,
            )
        )
        change = change or {"nodes": nodes, **({"data_parallel_size": 0} if settings.data_parallel_size else {})}
    smaller = _smaller_checkpoint(settings, model, checkpoint, choice, fleet)
    if smaller:
        offers.append(
            Message("", N_("set checkpoint to {other} ({precision})"), other=smaller.id, precision=smaller.precision)
        )
        change = change or {"checkpoint": smaller.id, "precision": "", **reset}
    name = _smaller_model(settings, model, choice, fleet)
    if name:
        offers.append(Message("", N_("set model to {other}"), other=name))
        change = change or {"model": name, "checkpoint": "", "precision": "", **reset}
    if not offers:
        offers.append(Message("", N_("use accelerators with more memory")))
    return [
        DoesNotFit(
            N_(
                "Variable model is {model}, but {checkpoint} ({precision}) does not fit onto {count} × {accelerator}"
                " with {layout}: {what}."
            ),
            N_("To make it fit, {offers}."),
            change,
            model=settings.model,
            checkpoint=checkpoint.id,
            precision=checkpoint.precision,
            count=fleet.size,
            accelerator=fleet.name,
            layout=sizing.layout.message,
            what=what,
            offers=reduce(lambda one, other: Message("", N_("{one}, or {other}"), one=one, other=other), offers),
        )
    ]


def _nodes_needed(settings: Settings, model: Model, checkpoint: Checkpoint, choice: EngineChoice, fleet: Fleet) -> int:
    if not choice.engine.multi_node:
        return 0
    free = settings.model_copy(update=FREE)
    for count in range(len(fleet.nodes) + 1, _MOST_NODES + 1):
        # Only the number of nodes matters here, so existing nodes represent the new ones.
        grown = replace(fleet, nodes=tuple(fleet.nodes[i % len(fleet.nodes)] for i in range(count)))
        if compute_sizing(free, model, checkpoint, choice, grown, None).works:
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
    return next((c for c in usable if compute_sizing(free, model, c, choice, fleet, None).works), None)


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
                sized = compute_sizing(free, entry, checkpoint, choice, fleet, None)
                if sized.works:
                    return name
    return None
