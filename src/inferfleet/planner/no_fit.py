"""Report a model or a context that does not fit, with the changes that would make it fit, the cheapest first."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from inferfleet.catalog import Checkpoint, Model, load_models
from inferfleet.engines import Mode
from inferfleet.messages import N_, Message
from inferfleet.planner.checkpoints import LOSSLESS, can_cache_fp8, runs
from inferfleet.planner.choose import EngineChoice, serves
from inferfleet.planner.executors import executors_of
from inferfleet.planner.fit import LEAST_CONTEXT, MOST_SHARE, Sizing, compute_sizing, has_layout, make_limits
from inferfleet.planner.fleet import Fleet
from inferfleet.planner.memory import GIB
from inferfleet.planner.refusals import DoesNotFit, KvCacheTooSmall, Refusal, Remedy
from inferfleet.planner.requested_layout import FREE
from inferfleet.settings import Settings

_MOST_NODES = 64
_LOADED = 0.9  # least part of a checkpoint that engines load: all but the prediction layers
_SHARES = (0.90, 0.92, MOST_SHARE)
_SEQUENCES = (256, 128, 64, 32, 16)
_PLAIN = {
    **FREE,
    "num_speculative_tokens": 0,
    "decode_context_parallel_size": 1,
    "enable_expert_parallel": False,
    "kv_bytes_per_token": 0,
}
"""Settings of the layout with which every model works."""
_FP8_CACHE = {"kv_cache_dtype": "fp8"}
_BATCHES = (8192, 4096, 2048)


def no_fit(
    settings: Settings,
    model: Model,
    checkpoint: Checkpoint,
    choice: EngineChoice,
    fleet: Fleet,
    mode: Mode | None,
    sizing: Sizing,
) -> Refusal:
    """Return the problem of a model or a context that does not fit, with the changes that would make it fit."""
    held = sizing.budget
    assert held is not None
    ways = _ways(settings, model, checkpoint, choice, fleet, mode, sizing)
    if settings.max_model_len and held.kv_cache_tokens and not mode:
        return KvCacheTooSmall(
            N_("Variable max_model_len is {length}, but the KV cache holds {tokens} tokens ({size:.1f} GiB per GPU)."),
            "",
            remedies=ways,
            length=sizing.limits.max_model_len,
            tokens=held.kv_cache_tokens,
            size=held.kv_cache_bytes / GIB,
        )
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
    return DoesNotFit(
        N_(
            "Variable model is {model}, but {checkpoint} ({precision}) does not fit onto {count} × {accelerator}"
            " with {layout}: {what}."
        ),
        "",
        remedies=ways,
        model=settings.model,
        checkpoint=checkpoint.id,
        precision=checkpoint.precision,
        count=fleet.size,
        accelerator=fleet.name,
        layout=sizing.layout.message,
        what=what,
    )


def _ways(
    settings: Settings,
    model: Model,
    checkpoint: Checkpoint,
    choice: EngineChoice,
    fleet: Fleet,
    mode: Mode | None,
    sizing: Sizing,
) -> Iterator[Remedy]:
    """Yield the changes after which the model fits by its sizes, the cheapest first."""

    def sized(change: Mapping[str, Any]) -> Sizing:
        return compute_sizing(settings.model_copy(update=change), model, checkpoint, choice, fleet, mode)

    def setting(key: str, value: Any) -> Remedy:
        return Remedy(Message("", N_("set {key} to {value}"), key=key, value=value), {key: value})

    freed = [key for key in FREE if getattr(settings, key) or key != "data_parallel_size"]
    if any(getattr(settings, key) for key in FREE) and sized(FREE).works:
        yield Remedy(Message("", N_("set {settings} to 0"), settings=freed), FREE)
    shares = [share for share in _SHARES if share > settings.gpu_memory_utilization]
    limits, supported = sizing.limits, choice.engine.settings
    batches = [n for n in _BATCHES if limits.max_num_seqs <= n < limits.max_num_batched_tokens]
    tries: dict[str, list[Any]] = {
        "gpu_memory_utilization": shares,
        "max_num_seqs": [n for n in _SEQUENCES if n < limits.max_num_seqs],
        "max_num_batched_tokens": batches if "max_num_batched_tokens" in supported else [],
        "num_speculative_tokens": [0] if settings.num_speculative_tokens else [],
        "enforce_eager": [True] if "enforce_eager" in supported and not settings.enforce_eager else [],
    }
    for key, values in tries.items():
        value = next((value for value in values if sized({key: value}).works), None)
        if value is not None:
            yield setting(key, value)
    if settings.max_model_len:
        shorter = sized({"max_model_len": 0})
        if shorter.works and shorter.limits.max_model_len < settings.max_model_len:
            yield setting("max_model_len", shorter.limits.max_model_len)
    fp8 = "kv_cache_dtype" in supported and can_cache_fp8(model, fleet.accelerator) and limits.kv_cache_item_bytes > 1
    if fp8 and sized(_FP8_CACHE).works:
        yield setting("kv_cache_dtype", "fp8")
    elif fp8 and shares and not sized({"gpu_memory_utilization": shares[-1]}).works:
        both = ({"gpu_memory_utilization": share, **_FP8_CACHE} for share in shares)
        if change := next((change for change in both if sized(change).works), None):
            template = N_("set gpu_memory_utilization to {share} and kv_cache_dtype to fp8")
            yield Remedy(Message("", template, share=change["gpu_memory_utilization"]), change)
    smaller = _smaller_checkpoint(settings, model, checkpoint, choice, fleet)
    if smaller:
        text = Message("", N_("set checkpoint to {other} ({precision})"), other=smaller.id, precision=smaller.precision)
        yield Remedy(text, {"checkpoint": smaller.id, "precision": "", **FREE})
    nodes = 0 if mode else _nodes_needed(settings, model, checkpoint, choice, fleet)
    if nodes:
        yield _more_nodes(nodes, settings, choice, fleet)
    for name in _smaller_models(settings, model, choice, fleet):
        text = Message("", N_("set model to {other}"), other=name)
        free = {key: Settings.model_fields[key].default for key in _PLAIN}
        yield Remedy(text, {"model": name, "checkpoint": "", "precision": "", "max_model_len": 0, **free})


def _more_nodes(nodes: int, settings: Settings, choice: EngineChoice, fleet: Fleet) -> Remedy:
    executors = executors_of(choice.engine, choice.version, nodes)
    change: dict[str, Any] = {"nodes": nodes, **FREE}
    template = N_("add {more} {accelerator} ({nodes} nodes with {per_node} each)")
    if fleet.settings.executor != "auto" and settings.executor not in executors:
        change["executor"] = executors[0]
        template = N_("add {more} {accelerator} ({nodes} nodes with {per_node} each) and set executor to {executor}")
    text = Message(
        "",
        template,
        more=nodes * fleet.per_node - fleet.size,
        accelerator=fleet.name,
        nodes=nodes,
        per_node=fleet.per_node,
        executor=executors[0],
    )
    return Remedy(text, change)


def _nodes_needed(settings: Settings, model: Model, checkpoint: Checkpoint, choice: EngineChoice, fleet: Fleet) -> int:
    if not choice.engine.multi_node:
        return 0
    free = settings.model_copy(update=FREE)
    node_bytes = fleet.per_node * fleet.accelerator.total_bytes
    least = int(_LOADED * checkpoint.tensor_bytes / node_bytes) if node_bytes else 0
    stored = model.stored_as(checkpoint)
    limits = make_limits(free, stored, checkpoint, choice.version, fleet.accelerator)
    for count in range(max(len(fleet.nodes) + 1, least), _MOST_NODES + 1):
        # Only the number of nodes matters here, so existing nodes represent the new ones.
        grown = replace(fleet, nodes=tuple(fleet.nodes[i % len(fleet.nodes)] for i in range(count)))
        if not has_layout(free, stored, checkpoint, choice, grown, limits):
            continue  # compute_sizing would also try remedies
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


def _smaller_models(settings: Settings, model: Model, choice: EngineChoice, fleet: Fleet) -> Iterator[str]:
    """Yield the distilled models that fit, the largest first."""
    free = settings.model_copy(update={**_PLAIN, "max_model_len": 0})
    smaller = {
        name: entry
        for name, entry in load_models().items()
        if "distill" in name and entry.checkpoints[0].tensor_bytes < model.checkpoints[0].tensor_bytes
    }
    for name, entry in sorted(smaller.items(), key=lambda item: -item[1].checkpoints[0].tensor_bytes):
        if not (serves(choice.engine, entry) and runs(choice.engine, fleet.accelerator, entry.checkpoints[0])):
            continue
        if compute_sizing(free, entry, entry.checkpoints[0], choice, fleet, None).works:
            yield name
