"""Choose what a profile tunes: the choices of the engine's `profiles` that work with this model on these nodes.

Each choice is a change of settings. It is left to the user if one of these settings is set, and left out if the plan
with it would have a problem or a shorter context.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from inferfleet.engines import Profile
from inferfleet.messages import N_, Message
from inferfleet.planner.checks import SizedSelection, run_checks
from inferfleet.planner.fit import compute_sizing
from inferfleet.planner.layouts import most_context_ranks
from inferfleet.planner.refusals import Refusal
from inferfleet.planner.requested_layout import FREE
from inferfleet.settings import Settings


@dataclass(frozen=True)
class Profiled:
    """The selection with the choices of its profile, the environment that it adds, and the reasons."""

    selection: SizedSelection
    env: Mapping[str, str] = field(default_factory=dict)
    reasons: tuple[Message, ...] = ()


@dataclass(frozen=True)
class _Offer:
    """A change of settings."""

    what: Message
    """What it chooses and why."""
    change: Mapping[str, Any]
    obstacle: Message | None = None
    """Why it is not possible here, if that needs no plan."""
    more_tokens: bool = False
    """Whether it is only worth it if the KV cache of all replicas holds more tokens."""


def with_profile(selection: SizedSelection, configured: Settings) -> Profiled:
    """Return the selection with the choices of the profile; `configured` are the settings as the user set them."""
    name, engine, vendor = configured.profile, selection.choice.engine, selection.fleet.accelerator.vendor
    if name == "balanced" or selection.sizing.problems:
        return Profiled(selection)
    profile = engine.profiles.get(name)
    if not profile or selection.mode or vendor not in engine.profile_vendors or not selection.choice.version.profiles:
        template = N_("nothing is chosen for {engine} on {accelerator}")
        version = f"{engine.title} {selection.choice.version.version}"
        what = Message("", template, engine=version, accelerator=selection.fleet.name)
        return Profiled(selection, {}, (_reason(configured, what),))
    reasons: list[Message] = []
    for rule in (_replicas, _cache, _predictions, _performance_mode, _batches):
        offers = [offer for offer in rule(profile, selection) if _is_free(configured, offer.change)]
        selection, added = _first(offers, selection)
        reasons += added
    env = _env(profile, selection, configured)
    reasons += [Message("", N_("{name}={value}, as in the recipes"), name=key, value=env[key]) for key in env]
    reasons = reasons or [Message("", N_("no choice of it applies to {model}"), model=selection.model.title)]
    return Profiled(selection, env, tuple(_reason(configured, what) for what in reasons))


def _reason(configured: Settings, what: Message) -> Message:
    return Message("profile", N_("profile {profile}: {what}"), profile=configured.profile, what=what)


def _env(profile: Profile, selection: SizedSelection, configured: Settings) -> dict[str, str]:
    """Return the environment of the recipes, less what the user sets."""
    arch, layout = selection.model.architecture, selection.sizing.layout
    heads = arch.num_attention_heads // layout.tensor_parallel_size
    if arch.mla and profile.env_latent_heads and heads not in profile.env_latent_heads:
        return {}
    wanted = profile.env.get(selection.fleet.accelerator.vendor, {})
    return {key: value for key, value in wanted.items() if key not in configured.engine_extra_env}


def _is_free(configured: Settings, change: Mapping[str, Any]) -> bool:
    """Return whether the user has set none of these settings to another value."""
    return all(getattr(configured, key) in (Settings.model_fields[key].default, value) for key, value in change.items())


def _first(offers: list[_Offer], selection: SizedSelection) -> tuple[SizedSelection, list[Message]]:
    """Return the selection with the first offer that works, and the reasons: also why the best one does not."""
    left_out: list[Message] = []
    for offer in offers:
        changed = selection if offer.obstacle else _changed(selection, offer.change)
        why = offer.obstacle or _why_not(selection, changed, more_tokens=offer.more_tokens)
        if why is None:
            return changed, [offer.what, *left_out]
        left_out = left_out or [Message("", N_("left out: {what}; {why}"), what=offer.what, why=why)]
    return selection, left_out


def _changed(now: SizedSelection, change: Mapping[str, Any]) -> SizedSelection:
    settings = now.settings.model_copy(update=change)
    sizing = compute_sizing(settings, now.model, now.checkpoint, now.choice, now.fleet, now.mode)
    return replace(now, settings=settings, sizing=sizing)


def _why_not(now: SizedSelection, changed: SizedSelection, *, more_tokens: bool) -> Message | None:
    """Return why a change makes the plan worse; None if it does not."""
    known = _problems(now)
    if new := [problem for problem in _problems(changed) if problem not in known]:
        return Message("", new[0].template, **new[0].parameters)
    before, after = now.sizing, changed.sizing
    if before.budget is None or after.budget is None:
        return None
    if not after.fits and (before.fits or after.budget.kv_cache_bytes < before.budget.kv_cache_bytes):
        return Message("", N_("the model would not fit"))
    length = after.limits.max_model_len
    if length < before.limits.max_model_len:
        return Message("", N_("the context would be shortened to {length} tokens"), length=length)
    if more_tokens and _all_tokens(changed) <= _all_tokens(now):
        return Message("", N_("the KV cache would not hold more tokens"))
    return None


def _problems(selection: SizedSelection) -> list[Refusal]:
    return [*selection.sizing.problems, *run_checks(selection)]


def _all_tokens(selection: SizedSelection) -> int:
    held, layout = selection.sizing.budget, selection.sizing.layout
    return held.kv_cache_tokens * layout.data_parallel_size if held else 0


def _replicas(profile: Profile, selection: SizedSelection) -> Iterator[_Offer]:
    """Yield attention data parallelism: replicas in which no rank has a copy of the KV cache, then larger ones."""
    arch, fleet = selection.model.architecture, selection.fleet
    if not profile.data_parallel or not arch.moe or any(getattr(selection.settings, key) for key in FREE):
        return
    heads = 1 if arch.mla else arch.num_key_value_heads
    sizes = [size for size in range(1, fleet.per_node) if fleet.per_node % size == 0]
    sizes = sizes[sizes.index(max((size for size in sizes if size <= heads), default=1)) :] if sizes else []
    several = None
    if len(fleet.nodes) > 1 and not profile.expert_parallel:
        sizes = [fleet.per_node]  # sgl-project/sglang, docs/basic_usage/deepseek_v3.md: "--tp 16 --dp 2" on two nodes
    elif len(fleet.nodes) > 1:  # vllm-project/vllm, docs/serving/expert_parallel_deployment.md
        several = Message("", N_("across nodes it needs DeepEP's kernels, which are not an engine's default"))
    template = N_("attention in {replicas} replicas with TP {tensor}, whose KV caches hold different sequences")
    if profile.expert_parallel:
        template = N_(
            "attention in {replicas} replicas with TP {tensor}, whose KV caches hold different sequences, and"
            " expert parallelism"
        )
    if heads >= fleet.per_node:
        return  # no rank of a node has a copy
    for tensor in sizes:
        replicas = fleet.size // tensor
        change = {"data_parallel_size": replicas, "tensor_parallel_size": tensor, "pipeline_parallel_size": 1}
        change |= {"enable_expert_parallel": True} if profile.expert_parallel else {}
        what = Message("", template, replicas=replicas, tensor=tensor)
        yield _Offer(what, change, several, more_tokens=True)


def _cache(profile: Profile, selection: SizedSelection) -> Iterator[_Offer]:
    """Yield a KV cache that holds more tokens: divided over the ranks that have copies of it, and in FP8."""
    arch, fleet = selection.model.architecture, selection.fleet
    ranks = 1
    if profile.decode_context_parallel:
        # Within a node: docs/serving/context_parallel_deployment.md, "Case study".
        ranks = most_context_ranks(arch, selection.sizing.layout.tensor_parallel_size, fleet.per_node)
    divided = {"decode_context_parallel_size": ranks}
    what_divided = Message(
        "",
        N_("{ranks} ranks divide the KV cache of a sequence (decode context parallelism) instead of copying it"),
        ranks=ranks,
    )
    fp8 = {"kv_cache_dtype": "fp8"}
    what_fp8 = Message("", N_("FP8 KV cache: twice the tokens, less accurate if the checkpoint has no scales for it"))
    # Sinks and the states of linear attention with an FP8 cache are not verified.
    plain = not arch.attention_sinks and not (arch.linear_num_key_heads or arch.mamba_n_heads)
    if fleet.accelerator.vendor in profile.fp8_kv_cache and plain:
        obstacle = None
        if "fp8" not in fleet.accelerator.dtypes:
            obstacle = Message("", N_("{accelerator} does not compute FP8"), accelerator=fleet.name)
        if ranks > 1 and not obstacle:
            both = Message("", N_("{one}; {other}"), one=what_divided, other=what_fp8)
            yield _Offer(both, {**divided, **fp8})
        if ranks > 1:
            yield _Offer(what_divided, divided)
        yield _Offer(what_fp8, fp8, obstacle)
    elif ranks > 1:
        yield _Offer(what_divided, divided)


def _predictions(profile: Profile, selection: SizedSelection) -> Iterator[_Offer]:
    """Yield speculative decoding with the model's prediction layer."""
    tokens = profile.num_speculative_tokens
    if tokens and selection.model.architecture.num_nextn_predict_layers:
        what = N_("MTP drafts {tokens} tokens per step, so that answers take less time at low load")
        if tokens == 1:
            what = N_("MTP drafts 1 token per step, so that answers take less time at low load")
        yield _Offer(Message("", what, tokens=tokens), {"num_speculative_tokens": tokens})


def _performance_mode(profile: Profile, selection: SizedSelection) -> Iterator[_Offer]:
    """Yield the engine's own mode; replicas of attention already process a batch each."""
    mode = profile.performance_mode
    if mode == "interactivity" and not selection.settings.enforce_eager:
        what = N_("performance_mode interactivity: a CUDA graph for each batch size up to 32")
        yield _Offer(Message("", what), {"performance_mode": mode})
    elif mode == "throughput" and selection.sizing.layout.data_parallel_size == 1:
        tokens = 2 * selection.sizing.limits.max_num_batched_tokens
        what = N_("performance_mode throughput: up to {tokens} tokens in one forward pass")
        if not selection.settings.max_num_batched_tokens:
            yield _Offer(Message("", what, tokens=tokens), {"performance_mode": mode})


def _batches(profile: Profile, selection: SizedSelection) -> Iterator[_Offer]:
    """Yield smaller chunks of prompts."""
    tokens = profile.max_num_batched_tokens
    if tokens and tokens < selection.sizing.limits.max_num_batched_tokens:
        what = N_("max_num_batched_tokens {tokens}: prompts in smaller chunks interrupt running answers less")
        yield _Offer(Message("", what, tokens=tokens), {"max_num_batched_tokens": tokens})
