"""Layouts of a model on a fleet: all candidates, the constraints on each, and their ranking."""

from dataclasses import dataclass

from inferfleet.catalog import Architecture, Precision
from inferfleet.engines.layout import Layout
from inferfleet.messages import N_, Message
from inferfleet.planner.limits import Limits
from inferfleet.planner.matrix import BLOCK
from inferfleet.planner.memory import Budget, budget
from inferfleet.planner.refusals import (
    ExpertParallelIndivisible,
    LayoutMismatch,
    PipelineUneven,
    Refusal,
    TensorParallelIndivisible,
)
from inferfleet.planner.weights import layers_per_stage


@dataclass(frozen=True)
class Rules:
    """Constraints of the engine and the accelerator, in addition to the divisibility of the model."""

    pipeline_parallel: bool = True
    uneven_pipeline: bool = True
    uneven_pipeline_last: bool = False
    per_node: int = 0  # accelerators of a node; 0: not known
    nodes: int = 1


_CHOSEN = Message("chosen", N_("chosen"))


@dataclass(frozen=True)
class Candidate:
    """A layout with its budget, and why it was or was not chosen."""

    layout: Layout
    budget: Budget | None  # None: host memory is not counted
    reason: Message
    """Chosen (code `chosen`), or why another layout is better."""
    problems: tuple[Refusal, ...] = ()
    replicas: int = 1
    """Number of replicas with this layout that the nodes serve."""

    @property
    def fits(self) -> bool:
        """Whether it can be used."""
        return not self.problems and (self.budget is None or self.budget.fits)


def divisibility(arch: Architecture, precision: Precision, layout: Layout, rules: Rules) -> list[Refusal]:
    """Return the problems of a layout that does not divide the model."""
    problems = [*_tensor(arch, precision, layout), *_experts(arch, layout), *_stages(arch, layout, rules)]
    return problems or [*_replicas(arch, layout, rules), *divide_cache(arch, layout)]


def obstacle(
    arch: Architecture, precision: Precision, size: int, *, expert_parallel: bool = False, replicas: int = 1
) -> Message | None:
    """Return the dimension of the model that a tensor parallel size does not divide; None if it divides all.

    The slices of experts are divided among the ranks of all data-parallel replicas.
    """
    heads, kv = arch.num_attention_heads, arch.num_key_value_heads
    if heads % size:
        return Message("", N_("{heads} attention heads"), heads=heads)
    if not arch.mla and kv % size and size % kv:
        return Message("", N_("{heads} key-value heads and is not a multiple of them"), heads=kv)
    if arch.vision and arch.vision.divides_heads and arch.vision.num_attention_heads % size:
        return Message("", N_("{heads} attention heads of the vision encoder"), heads=arch.vision.num_attention_heads)
    linear = arch.linear_num_key_heads
    if linear % size:  # vllm/model_executor/layers/mamba/mamba_utils.py, gated_delta_net_state_shape
        return Message("", N_("{heads} key heads of linear attention"), heads=linear)
    if arch.mamba_n_heads % size:  # vllm/model_executor/layers/mamba/mamba_mixer2.py
        return Message("", N_("{heads} heads of its state space"), heads=arch.mamba_n_heads)
    if arch.mamba_n_groups > 1 and arch.mamba_n_groups % size:
        return Message("", N_("{groups} groups of its state space"), groups=arch.mamba_n_groups)
    if arch.o_groups % size:  # vllm/models/deepseek_v4/attention.py, n_local_groups
        return Message("", N_("{groups} groups of attention heads"), groups=arch.o_groups)
    widths = {N_("feed-forward width"): (0 if arch.only_experts else arch.intermediate_size, size)}
    if arch.moe and not expert_parallel:
        widths[N_("expert width")] = (arch.moe_intermediate_size, size * replicas)
    widths[N_("shared expert width")] = (arch.shared_width, size)
    # Block quantization has one scale per 128 × 128 weights, and no rank may hold part of a block.
    how = arch.quantization
    step = BLOCK if (how.others or precision) in ("fp8", "int8") and (arch.mla or how.blocks) else 1
    for name, (width, ranks) in widths.items():
        if ranks > 1 and width % (ranks * step):
            template = N_("{name} ({width})")
            if step > 1:
                fp8 = (how.others or precision) == "fp8"
                template = (
                    N_("{name} ({width}) into complete FP8 blocks of {block}")
                    if fp8
                    else N_("{name} ({width}) into complete blocks of {block}")
                )
            return Message("", template, name=Message("", name), width=width, block=BLOCK)
    return None


def context_obstacle(arch: Architecture, tensor: int, size: int) -> Message | None:
    """Return why a tensor-parallel group cannot divide the KV cache of a sequence over `size` ranks; None if it can.

    vllm/config/parallel.py; vllm/config/model.py, verify_with_parallel_config; for layers that do not keep every token
    vllm/v1/core/single_type_kv_cache_manager.py.
    """
    if size == 1:
        return None
    if arch.assumed:
        return Message("", N_("the planner does not know the KV cache of {architecture}"), architecture=arch.name)
    if arch.layer_types:
        return Message("", N_("not every layer of the model keeps the KV cache of all tokens"))
    if tensor % size:
        return Message("", N_("it does not divide tensor_parallel_size, which is {tensor}"), tensor=tensor)
    heads = arch.num_key_value_heads
    if arch.mla or (size <= tensor // heads and arch.num_attention_heads // heads % size == 0):
        return None
    template = N_("with tensor_parallel_size {tensor} and {heads} key-value heads no rank has a copy of the KV cache")
    if tensor > heads:
        template = N_("with tensor_parallel_size {tensor} and {heads} key-value heads at most {most} is possible")
    return Message("", template, tensor=tensor, heads=heads, most=most_context_ranks(arch, tensor))


def most_context_ranks(arch: Architecture, tensor: int, most: int = 0) -> int:
    """Return the largest number of ranks, at most `most`, that can divide the KV cache of a sequence."""
    sizes = range(min(tensor, most or tensor), 1, -1)
    heads = 1 if arch.mla else arch.num_key_value_heads
    return next((n for n in sizes if n <= tensor // heads and context_obstacle(arch, tensor, n) is None), 1)


def works(arch: Architecture, precision: Precision, layout: Layout, rules: Rules) -> bool:
    """Return whether a layout divides the model."""
    expert = layout.expert_parallel
    replicas = layout.data_parallel_size
    if obstacle(arch, precision, layout.tensor_parallel_size, expert_parallel=expert, replicas=replicas):
        return False
    return not (_experts(arch, layout) or _stages(arch, layout, rules))


def _tensor(arch: Architecture, precision: Precision, layout: Layout) -> list[Refusal]:
    size, expert, replicas = layout.tensor_parallel_size, layout.expert_parallel, layout.data_parallel_size
    what = obstacle(arch, precision, size, expert_parallel=expert, replicas=replicas)
    if not what:
        return []
    if replicas > 1 and not obstacle(arch, precision, size, expert_parallel=expert):
        return [
            TensorParallelIndivisible(
                N_(
                    "Variables tensor_parallel_size {size} and data_parallel_size {replicas} make "
                    "{ranks} ranks, which do not divide the model's {what}."
                ),
                N_("Set enable_expert_parallel to true, so that each rank holds complete experts."),
                {"enable_expert_parallel": True},
                size=size,
                replicas=replicas,
                ranks=size * replicas,
                what=what,
            )
        ]
    remedy = N_("Set tensor_parallel_size and pipeline_parallel_size to 0 to let the planner choose.")
    if replicas > 1:
        remedy = N_(
            "Set tensor_parallel_size, pipeline_parallel_size and data_parallel_size to 0 to let the planner choose."
        )
    return [
        TensorParallelIndivisible(
            N_("Variable tensor_parallel_size is {size}, which does not divide the model's {what}."),
            remedy,
            {"tensor_parallel_size": 0, "pipeline_parallel_size": 0, "data_parallel_size": 0},
            size=size,
            what=what,
        )
    ]


def _experts(arch: Architecture, layout: Layout) -> list[Refusal]:
    if not layout.expert_parallel:
        return []
    size = layout.expert_ranks
    if not arch.moe:
        return [
            ExpertParallelIndivisible(
                N_("Variable enable_expert_parallel is true, but the model has no experts."),
                N_("Set enable_expert_parallel to false."),
                {"enable_expert_parallel": False},
            )
        ]
    if arch.n_routed_experts % size:
        return [
            ExpertParallelIndivisible(
                N_(
                    "Variable enable_expert_parallel is true, but {size} ranks do not divide the "
                    "model's {experts} experts."
                ),
                N_("Set enable_expert_parallel to false."),
                {"enable_expert_parallel": False},
                size=size,
                experts=arch.n_routed_experts,
            )
        ]
    return []


def _stages(arch: Architecture, layout: Layout, rules: Rules) -> list[Refusal]:
    stages, layers = layout.pipeline_parallel_size, arch.num_hidden_layers
    if stages == 1:
        return []
    if not rules.pipeline_parallel:
        return [
            PipelineUneven(
                N_(
                    "Variable pipeline_parallel_size is {stages}, but the engine does not support pipeline parallelism"
                    " on this hardware."
                ),
                N_("Set pipeline_parallel_size to 1."),
                {"pipeline_parallel_size": 1, "tensor_parallel_size": 0},
                stages=stages,
            )
        ]
    if stages > layers:
        return [
            PipelineUneven(
                N_("Variable pipeline_parallel_size is {stages}, but the model has {layers} layers."),
                N_("Set tensor_parallel_size and pipeline_parallel_size to 0 to let the planner choose."),
                {"pipeline_parallel_size": 0, "tensor_parallel_size": 0},
                stages=stages,
                layers=layers,
            )
        ]
    if layers % stages and not rules.uneven_pipeline:
        even = max(n for n in range(1, stages) if layers % n == 0)
        return [
            PipelineUneven(
                N_(
                    "Variable pipeline_parallel_size is {stages}, which does not divide the model's "
                    "{layers} layers, and the engine needs equal stages."
                ),
                N_("Set pipeline_parallel_size to {even}."),
                {"pipeline_parallel_size": even, "tensor_parallel_size": 0},
                stages=stages,
                layers=layers,
                even=even,
            )
        ]
    return []


def _replicas(arch: Architecture, layout: Layout, rules: Rules) -> list[Refusal]:
    replicas, tensor = layout.data_parallel_size, layout.tensor_parallel_size
    if replicas == 1:
        return []
    change: dict[str, int] = {"data_parallel_size": 0}
    remedy = N_("Set data_parallel_size to 0.")
    if not arch.moe:
        why = Message("", N_("the model has no experts, and replicas of a dense model are separate services"))
    elif layout.pipeline_parallel_size > 1:
        why = Message(
            "",
            N_("pipeline_parallel_size is {stages}, and inferfleet does not combine data and pipeline parallelism"),
            stages=layout.pipeline_parallel_size,
        )
        remedy = N_("Set pipeline_parallel_size to 1 and tensor_parallel_size to 0.")
        change = {"pipeline_parallel_size": 1, "tensor_parallel_size": 0}
    elif rules.per_node and (rules.per_node % tensor or replicas % rules.nodes):
        why = Message(
            "",
            N_(
                "replicas of {tensor} accelerators do not divide {nodes} nodes of {per_node}: a replica must not"
                " span nodes, and every node must hold the same number of replicas"
            ),
            tensor=tensor,
            nodes=rules.nodes,
            per_node=rules.per_node,
        )
    else:
        return []
    return [
        LayoutMismatch(
            N_("Variable data_parallel_size is {replicas}, but {why}."),
            remedy,
            change,
            replicas=replicas,
            why=why,
        )
    ]


def divide_cache(arch: Architecture, layout: Layout) -> list[Refusal]:
    """Return the problem of a KV cache that the ranks of a layout cannot divide."""
    tensor, size = layout.tensor_parallel_size, layout.decode_context_parallel_size
    why = context_obstacle(arch, tensor, size)
    if why is None:
        return []
    most = most_context_ranks(arch, tensor)
    return [
        LayoutMismatch(
            N_("Variable decode_context_parallel_size is {size}, but {why}."),
            N_("Set decode_context_parallel_size to {most}."),
            {"decode_context_parallel_size": most},
            size=size,
            why=why,
            most=most,
        )
    ]


def split_of(arch: Architecture, layout: Layout) -> str:
    """Return the number of layers of each pipeline stage, for display."""
    counts = layers_per_stage(arch.num_hidden_layers, layout.pipeline_parallel_size)
    return " + ".join(map(str, counts))


def candidates(
    arch: Architecture,
    precision: Precision,
    limits: Limits,
    total_bytes: int,
    *,
    nodes: int,
    per_node: int,
    rules: Rules,
    expert_parallel: bool = False,
    context_ranks: int = 1,
) -> list[Candidate]:
    """Return every layout of at most all accelerators that divides the model, best first.

    On several nodes only layouts that use all accelerators are considered. Order: layouts that fit, use more
    accelerators, have equal stages (if the engine prefers them), keep tensor parallelism within a node (NVLink), and
    have the largest tensor parallel size there.
    """
    world = nodes * per_node
    found: list[Candidate] = []
    for tensor in range(1, min(world, arch.num_attention_heads) + 1):
        if arch.num_attention_heads % tensor or not _aligned(tensor, per_node):
            continue
        # Problems of the ranks that divide the cache are those of the chosen layout.
        ranks = 1 if context_obstacle(arch, tensor, context_ranks) else context_ranks
        least = world // tensor if nodes > 1 else 1
        for pipeline in range(least, min(world // tensor, arch.num_hidden_layers) + 1):
            layout = Layout(tensor, pipeline, 1, expert_parallel, ranks)
            if nodes > 1 and layout.ranks != world:
                continue
            if not works(arch, precision, layout, rules):
                continue
            found.append(Candidate(layout, budget(arch, precision, layout, limits, total_bytes), _CHOSEN))

    def rank(candidate: Candidate) -> tuple[bool, int, bool, bool, int]:
        tensor = candidate.layout.tensor_parallel_size
        crosses = tensor > per_node
        uneven = rules.uneven_pipeline_last and arch.num_hidden_layers % candidate.layout.pipeline_parallel_size > 0
        return not candidate.fits, -candidate.layout.ranks, uneven, crosses, tensor if crosses else -tensor

    return sorted(found, key=rank)


def _aligned(tensor: int, per_node: int) -> bool:
    return per_node % tensor == 0 or tensor % per_node == 0


def explain(ranked: list[Candidate], per_node: int) -> list[Candidate]:
    """Return the candidates with the reason why each is worse than the first."""
    if not ranked:
        return []
    best = ranked[0]
    explained = [Candidate(best.layout, best.budget, _CHOSEN if best.fits else shortage(best.budget))]
    for other in ranked[1:]:
        if not other.fits:
            reason = shortage(other.budget)
        elif other.layout.ranks < best.layout.ranks:
            idle = best.layout.ranks - other.layout.ranks
            reason = Message("idle", N_("leaves {idle} accelerators idle"), idle=idle)
            if idle == 1:
                reason = Message("idle", N_("leaves 1 accelerator idle"))
        elif other.layout.tensor_parallel_size > per_node >= best.layout.tensor_parallel_size:
            crosses = N_("tensor parallelism would span nodes: one all-reduce per layer over the network")
            reason = Message("crosses-nodes", crosses)
        else:
            reason = Message(
                "more-stages",
                N_(
                    "more pipeline stages: each waits for the previous one, and the last accelerators are idle at low"
                    " load"
                ),
            )
        explained.append(Candidate(other.layout, other.budget, reason))
    return explained


def shortage(held: Budget | None) -> Message:
    """Return what a budget that does not fit lacks; None: the memory is not known."""
    if held is None or held.missing_bytes:
        missing = (held.missing_bytes if held else 0) / 2**30
        return Message("does-not-fit", N_("does not fit: {missing:.1f} GiB per GPU are missing"), missing=missing)
    return Message("kv-cache", N_("the KV cache holds only {tokens} tokens"), tokens=held.kv_cache_tokens)
