"""Compute the layout, context length and concurrency that fit."""

from dataclasses import dataclass, field, replace

from inferfleet.catalog import Accelerator, Checkpoint, Model
from inferfleet.engines import Engine, EngineVersion, Mode, load_engines
from inferfleet.engines.layout import Layout
from inferfleet.messages import N_, Message
from inferfleet.planner.checkpoints import can_cache_fp8
from inferfleet.planner.choose import EngineChoice, serves
from inferfleet.planner.divided_cache import without_stages
from inferfleet.planner.fleet import Fleet
from inferfleet.planner.layouts import Candidate, Rules, candidates, divide_cache, divisibility, explain
from inferfleet.planner.limits import Limits
from inferfleet.planner.memory import Budget, budget
from inferfleet.planner.refusals import (
    AcceleratorsMissing,
    MaxModelLenTooLong,
    Refusal,
    Remedy,
    TensorParallelIndivisible,
)
from inferfleet.planner.requested_layout import FREE, requested_layout
from inferfleet.planner.weights import checkpoint_bytes
from inferfleet.settings import Settings

LEAST_CONTEXT = 4096  # tokens; R1's reasoning alone is longer, so a shorter context is not usable
MOST_SHARE = 0.95
"""Largest gpu_memory_utilization that the planner offers: more leaves too little for the driver and other contexts."""
_CONTEXT_STEP = 1024
_SIZE_TOLERANCE = 0.002
_BATCHES = {True: (8192, 1024), False: (2048, 256)}
"""vLLM's default max_num_batched_tokens and max_num_seqs, by whether it uses large batches on the accelerator."""
_HUGE_MIB = 160 * 1024


@dataclass(frozen=True)
class Sizing:
    """A layout with its budget; `problems` if the settings cannot be met."""

    layout: Layout
    limits: Limits
    budget: Budget | None
    problems: list[Refusal] = field(default_factory=list)
    warnings: list[Message] = field(default_factory=list)
    alternatives: list[Candidate] = field(default_factory=list)

    @property
    def fits(self) -> bool:
        """Whether the budget holds weights and one sequence; host memory is not counted."""
        return self.budget is None or self.budget.fits

    @property
    def works(self) -> bool:
        """Whether it fits and there is no problem."""
        return self.fits and not self.problems


def weight_scale(model: Model, checkpoint: Checkpoint) -> float:
    """Return the ratio of the checkpoint's tensor bytes to those computed from the architecture, 1 if they agree.

    They differ if a quantization skips other layers than assumed; the files are then authoritative.
    """
    sizes = [
        checkpoint_bytes(model.architecture, checkpoint.precision, prediction_layers=with_prediction)
        for with_prediction in (True, False)
    ]
    ratios = [checkpoint.tensor_bytes / size for size in sizes]
    nearest = min(ratios, key=lambda ratio: abs(ratio - 1))
    return nearest if abs(nearest - 1) > _SIZE_TOLERANCE else 1.0


def latent_buffers(version: EngineVersion, accelerator: Accelerator) -> dict[str, int]:
    """Return the limit on what latent attention allocates with the weights; empty if it is not known."""
    major = (accelerator.compute_capability or "").partition(".")[0]
    known = version.latent_buffers.get(major)
    return {} if known is None else {"latent_buffer_bytes": known << 20}


def make_limits(
    settings: Settings, model: Model, checkpoint: Checkpoint, version: EngineVersion, accelerator: Accelerator
) -> Limits:
    """Return the configured limits, completed with the engine's defaults on this accelerator."""
    tokens, sequences = _BATCHES[accelerator.large_batches]
    if version.huge_batches and accelerator.memory_mib >= _HUGE_MIB:
        tokens = 16384
    if settings.performance_mode == "throughput":
        tokens *= 2  # vllm/engine/arg_utils.py, which doubles max_num_seqs only if it is not set
    length = settings.max_model_len or model.max_model_len
    if not version.chunked_prefill:
        tokens = max(tokens, length)
    tokens = settings.max_num_batched_tokens or tokens
    return Limits(
        max_model_len=length,
        max_num_seqs=settings.max_num_seqs or min(sequences, tokens),  # as vLLM limits its default
        max_num_batched_tokens=tokens,
        gpu_memory_utilization=settings.gpu_memory_utilization,
        kv_cache_item_bytes=1 if settings.kv_cache_dtype.startswith("fp8") else 2,
        enforce_eager=settings.enforce_eager,
        prediction_layers=min(1, settings.num_speculative_tokens) * model.architecture.num_nextn_predict_layers,
        num_speculative_tokens=settings.num_speculative_tokens,
        fine_graphs=settings.performance_mode == "interactivity",
        weight_scale=weight_scale(model, checkpoint),
        **latent_buffers(version, accelerator),
    )


def compute_sizing(
    settings: Settings,
    model: Model,
    checkpoint: Checkpoint,
    choice: EngineChoice,
    fleet: Fleet,
    mode: Mode | None,
) -> Sizing:
    """Return the layout, limits and budget of one checkpoint on the fleet."""
    model = model.stored_as(checkpoint)
    limits = make_limits(settings, model, checkpoint, choice.version, fleet.accelerator)
    too_long = _too_long(settings, model)
    if mode:
        return _sized_mode(settings, model, checkpoint, fleet, limits, mode, too_long)
    rules = rules_of(choice, fleet)
    if settings.enable_expert_parallel and not model.architecture.moe:
        refused = divisibility(model.architecture, checkpoint.precision, Layout(1, 1, 1, True), rules)
        sized = compute_sizing(
            settings.model_copy(update={"enable_expert_parallel": False}), model, checkpoint, choice, fleet, mode
        )
        return replace(sized, problems=[*refused, *sized.problems])
    if any(getattr(settings, key) for key in FREE):
        layout, problems = requested_layout(settings, model, checkpoint, fleet, rules)
        ranked: list[Candidate] = []
    else:
        problems = []
        ranked = _ranked(settings, model, checkpoint, fleet, choice, rules)
        if not ranked:
            return Sizing(
                Layout(), limits, None, [*too_long, _no_layout(settings, model, checkpoint, fleet, choice, limits)]
            )
        layout = ranked[0].layout
        ranks = settings.decode_context_parallel_size or layout.decode_context_parallel_size
        problems = divide_cache(model.architecture, replace(layout, decode_context_parallel_size=ranks))
    if fleet.accelerator.memory_mib == 0 or problems:
        return Sizing(layout, limits, None, [*too_long, *problems], [], explain(ranked, fleet.per_node))
    held = budget(model.architecture, checkpoint.precision, layout, limits, fleet.accelerator.total_bytes)
    limits, held, warnings = _shortened(settings, model, checkpoint, layout, limits, held, fleet, choice)
    return Sizing(layout, limits, held, [*too_long, *problems], warnings, explain(ranked, fleet.per_node))


def rules_of(choice: EngineChoice, fleet: Fleet) -> Rules:
    """Return the layouts that engine and fleet allow."""
    engine = choice.engine
    pipeline = engine.pipeline_parallel and fleet.accelerator.pipeline_parallel
    return Rules(pipeline, engine.uneven_pipeline, engine.uneven_pipeline_last, fleet.per_node, len(fleet.nodes))


def has_layout(
    settings: Settings, model: Model, checkpoint: Checkpoint, choice: EngineChoice, fleet: Fleet, limits: Limits
) -> bool:
    """Return whether any layout on the fleet divides the model."""
    return bool(_search(settings, model, checkpoint, fleet, limits, rules_of(choice, fleet)))


def _ranked(
    settings: Settings, model: Model, checkpoint: Checkpoint, fleet: Fleet, choice: EngineChoice, rules: Rules
) -> list[Candidate]:
    """Return the layouts, best first, at the full context.

    If max_model_len is not set, they are those at half of it, a quarter …, whatever a layout holds first. Tensor
    parallelism over several nodes is avoided at the cost of another half.
    """
    crossing: list[Candidate] = []
    ranked: list[Candidate] = []
    for length in _lengths(settings, model):
        shorter = settings.model_copy(update={"max_model_len": length})
        limits = make_limits(shorter, model, checkpoint, choice.version, fleet.accelerator)
        ranked = _search(settings, model, checkpoint, fleet, limits, rules)
        if not ranked:
            return []
        if ranked[0].fits and ranked[0].layout.tensor_parallel_size <= fleet.per_node:
            return without_stages(ranked, settings, model, checkpoint, choice, fleet, limits)
        if crossing:
            return crossing
        crossing = ranked if ranked[0].fits else []
    return crossing or ranked


def _lengths(settings: Settings, model: Model) -> list[int]:
    """Return the context lengths at which layouts are compared: the full one and its halves."""
    if settings.max_model_len:
        return [settings.max_model_len]
    lengths = [model.max_model_len]
    while lengths[-1] > LEAST_CONTEXT:
        lengths.append(max(LEAST_CONTEXT, lengths[-1] // 2))
    return lengths


def _search(
    settings: Settings, model: Model, checkpoint: Checkpoint, fleet: Fleet, limits: Limits, rules: Rules
) -> list[Candidate]:
    return candidates(
        model.architecture,
        checkpoint.precision,
        limits,
        fleet.accelerator.total_bytes or 1 << 62,
        nodes=len(fleet.nodes),
        per_node=fleet.per_node,
        rules=rules,
        expert_parallel=settings.enable_expert_parallel,
        context_ranks=settings.decode_context_parallel_size or 1,
    )


def _too_long(settings: Settings, model: Model) -> list[Refusal]:
    if settings.max_model_len <= model.max_model_len:
        return []
    return [
        MaxModelLenTooLong(
            N_("Variable max_model_len is {length}, but {model} supports at most {most} tokens."),
            N_("Set max_model_len to 0 for the longest context that fits."),
            {"max_model_len": 0},
            length=settings.max_model_len,
            model=model.title,
            most=model.max_model_len,
        )
    ]


def _sized_mode(
    settings: Settings,
    model: Model,
    checkpoint: Checkpoint,
    fleet: Fleet,
    limits: Limits,
    mode: Mode,
    problems: list[Refusal],
) -> Sizing:
    layout = Layout(mode.tensor_parallel_size, mode.pipeline_parallel_size)
    needed = -(-mode.tensor_parallel_size // fleet.accelerator.ranks_per_device)
    if fleet.size < needed:
        problems.append(
            AcceleratorsMissing(
                N_("The vendor's mode needs {needed} {accelerator} ({ranks} ranks), but there are {count}."),
                N_("Use a server with {needed} working cards."),
                {"accelerators_per_node": needed},
                needed=needed,
                accelerator=fleet.name,
                ranks=mode.tensor_parallel_size,
                count=fleet.size,
            )
        )
    # The vendor's ranks are parts of cards, so the budget is computed per card.
    cards = Layout(tensor_parallel_size=max(1, fleet.size))
    held = budget(model.architecture, checkpoint.precision, cards, limits, fleet.accelerator.total_bytes)
    return Sizing(layout, limits, held, problems)


def _shortened(
    settings: Settings,
    model: Model,
    checkpoint: Checkpoint,
    layout: Layout,
    limits: Limits,
    held: Budget,
    fleet: Fleet,
    choice: EngineChoice,
) -> tuple[Limits, Budget, list[Message]]:
    """Shorten the context to what the KV cache holds if max_model_len is not set."""
    if settings.max_model_len or held.fits:
        return limits, held, []
    total, full = fleet.accelerator.total_bytes, limits.max_model_len

    def sized(length: int) -> tuple[Limits, Budget]:
        cut = make_limits(
            settings.model_copy(update={"max_model_len": length}), model, checkpoint, choice.version, fleet.accelerator
        )
        return cut, budget(model.architecture, checkpoint.precision, layout, cut, total)

    def holds(length: int) -> bool:
        cut, found = sized(length)
        return found.fits and found.kv_cache_tokens >= cut.max_model_len

    if full <= LEAST_CONTEXT or not holds(LEAST_CONTEXT):
        return limits, held, []
    # A longer context needs more cache and, without chunked prefill, more activations: find the longest by bisection.
    low, high = LEAST_CONTEXT // _CONTEXT_STEP, -(-full // _CONTEXT_STEP)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle * _CONTEXT_STEP) else (low, middle)
    limits, held = sized(low * _CONTEXT_STEP)
    if sized(limits.max_model_len + _CONTEXT_STEP)[1].missing_bytes:
        engine = f"{choice.engine.title} {choice.version.version}"
        why = Message(
            "",
            N_("{engine} computes a prompt in one batch, and the activations of a longer one do not fit"),
            engine=engine,
        )
        remedy = Message("", N_("A larger tensor_parallel_size allows a longer context."))
    else:
        why = Message("", N_("the KV cache holds {tokens} tokens"), tokens=held.kv_cache_tokens)
        remedy = _more_cache(settings, model, fleet)
    warning = Message(
        "context-shortened",
        N_("max_model_len is {length} instead of {full}: {why}. {remedy}"),
        length=limits.max_model_len,
        full=full,
        why=why,
        remedy=remedy,
    )
    return limits, held, [warning]


def _more_cache(settings: Settings, model: Model, fleet: Fleet) -> Message:
    """Return the remedy for a context that was shortened."""
    share = settings.gpu_memory_utilization < MOST_SHARE
    if can_cache_fp8(model, fleet.accelerator):
        template = N_("More accelerators or kv_cache_dtype fp8 allow a longer context.")
        if share:
            template = N_(
                "A gpu_memory_utilization of up to {most}, kv_cache_dtype fp8 or more accelerators allow a longer"
                " context."
            )
        return Message("", template, most=MOST_SHARE)
    template = N_("More accelerators allow a longer context.")
    if share:
        template = N_("A gpu_memory_utilization of up to {most} or more accelerators allow a longer context.")
    return Message("", template, most=MOST_SHARE)


def _no_layout(
    settings: Settings, model: Model, checkpoint: Checkpoint, fleet: Fleet, choice: EngineChoice, limits: Limits
) -> Refusal:
    remedies = _other_layouts(settings, model, checkpoint, fleet, choice, limits)
    return TensorParallelIndivisible(
        N_(
            "No tensor and pipeline parallel size divides {model} ({heads} attention heads, {layers} layers) across"
            " {nodes} nodes with {per_node} accelerators each."
        ),
        "",
        remedies=remedies,
        model=model.title,
        heads=model.architecture.num_attention_heads,
        layers=model.architecture.num_hidden_layers,
        nodes=len(fleet.nodes),
        per_node=fleet.per_node,
    ).offering(remedies)


def _other_layouts(
    settings: Settings, model: Model, checkpoint: Checkpoint, fleet: Fleet, choice: EngineChoice, limits: Limits
) -> list[Remedy]:
    """Return the remedies for a fleet that no layout divides."""
    heads = model.architecture.num_attention_heads
    usable = max((n for n in range(1, fleet.per_node + 1) if heads % n == 0), default=1)
    remedies: list[Remedy] = []
    if usable != fleet.per_node:
        text = Message("", N_("Set accelerators_per_node to {usable}."), usable=usable)
        remedies.append(Remedy(text, {"accelerators_per_node": usable}))
    for name, engine in load_engines().items():
        if name != choice.name and _divides_unevenly(engine, model, fleet):
            template = N_("Set engine to {other}, which supports pipeline stages with different numbers of layers.")
            change = {"engine": name, "engine_version": "", "engine_image": ""}
            remedies.append(Remedy(Message("", template, other=name), change))
    for count in range(len(fleet.nodes) - 1, 0, -1):
        fewer = replace(fleet, nodes=fleet.nodes[:count])
        if has_layout(settings, model, checkpoint, choice, fewer, limits):
            template = N_("Use {nodes} nodes.") if count > 1 else N_("Use 1 node.")
            remedies.append(Remedy(Message("", template, nodes=count), {"nodes": count}))
            break
    return remedies


def _divides_unevenly(engine: Engine, model: Model, fleet: Fleet) -> bool:
    usable = serves(engine, model) and fleet.accelerator.vendor in engine.vendors
    return usable and engine.multi_node and engine.pipeline_parallel and engine.uneven_pipeline
