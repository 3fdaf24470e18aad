"""Memory of an accelerator in an engine: weights, activations, overhead, and what is left for the KV cache.

The calculation is vLLM's (vllm/v1/worker/gpu_worker.py, determine_available_memory): from the share
`gpu_memory_utilization` of the memory, weights, the peak of a profiling run and the memory that CUDA and NCCL have
allocated since startup are subtracted; the rest is KV cache. Constants are measured (tests/fixtures/readings).
"""

from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from inferfleet.catalog.architecture import Architecture, Precision
from inferfleet.engines.layout import Layout
from inferfleet.planner.cache import BLOCK_TOKENS, cache_tokens
from inferfleet.planner.compressed_attention import RATIOS
from inferfleet.planner.limits import Limits
from inferfleet.planner.weights import MIB, item_bytes, layers_per_stage, stage_weights

GIB = 1 << 30
_NON_TORCH = 230 * MIB  # CUDA libraries' workspaces after the first forward pass
_NON_TORCH_TENSOR_PARALLEL = 554 * MIB  # the same with NCCL's and the custom all-reduce's channels
_NON_TORCH_PIPELINE = 68 * MIB
# Before it captures CUDA graphs vLLM captures two of each kind and estimates the rest: the first of a kind allocates
# the shared buffers, each further one only driver memory. Piecewise graphs hold one part per layer.
_FIRST_GRAPH = 128 * MIB
_PIECE_OF_LAYER, _FULL_GRAPH = 0.15 * MIB, 2 * MIB
_LARGEST_GRAPH_TOKENS, _LARGEST_FINE_GRAPH = 512, 32
_ATTENTION_SPLITS = 32  # FlashAttention's partial outputs in a graph, in float32
# The sampler runs on max_num_seqs rows of float32 logits: the logits in the model's type (half a row of float32),
# in float32, their probabilities and the random draw, and the top-k kernel's buffer.
_SAMPLER_ROWS, _SAMPLER_BUFFER = 3.5, 111 * MIB
# vLLM's V2 model runner, default for Llama: samples without this warm-up.
_SAMPLER_ROWS_V2, _SAMPLER_BUFFER_V2 = 1.5, 64 * MIB
_COMPILED_V2 = 224 * MIB  # memory that its compiled forward pass keeps while sampling
_RUNNER_V2 = frozenset({"LlamaForCausalLM"})
_HIDDEN_COPIES = 4.4  # hidden states, residual, normalized input and output alive at once in a dense layer
_HIDDEN_COPIES_V2 = 3.3
_HIDDEN_COPIES_MLA, _HIDDEN_COPIES_MLA_COMPILED = 2.9, 1.0
_HIDDEN_COPIES_DRAFT, _HIDDEN_COPIES_DRAFT_COMPILED = 5, 1  # of the prediction layer, while the model's own are alive
# Sparse attention's indexer gathers 40 times the context, 132 bytes a token, and profiles with the largest logits
# (vllm/v1/attention/backends/mla/indexer.py, get_max_prefill_buffer_size; vllm/envs.py,
# VLLM_SPARSE_INDEXER_MAX_LOGITS_MB). Not measured.
_INDEXER_CONTEXTS, _INDEXER_TOKEN_BYTES, _INDEXER_LOGITS = 40, 132, 512 * MIB
# Compressed attention: FlashMLA's kernel computes 64 or 128 heads, and a prompt's entries are gathered for 4 sequences
# at once (vllm/models/deepseek_v4: nvidia/flashmla.py, attention.py). Its residual streams are counted as hidden
# states. Not measured.
_PADDED_HEADS, _GATHERED_SEQUENCES = 64, 4
_MLA_WORKSPACE_TOKENS = 64 * 1024  # context that chunked prefill up-projects at once


@dataclass(frozen=True, slots=True)
class Budget:
    """Bytes of one accelerator of the pipeline stage with the least free memory; the parts add up to `total_bytes`.

    With data parallelism KV cache and concurrency are those of one replica.
    """

    total_bytes: int
    weights_bytes: int
    activation_bytes: int
    overhead_bytes: int
    kv_cache_bytes: int
    free_bytes: int
    kv_cache_tokens: int
    max_concurrency: float
    """Sequences of max_model_len tokens whose KV cache fits at once."""

    @property
    def fits(self) -> bool:
        """Whether the weights fit and one sequence of full length has its KV cache."""
        return self.max_concurrency >= 1

    @property
    def missing_bytes(self) -> int:
        """Bytes by which weights, activations and overhead exceed the usable share; 0 when they fit."""
        return max(0, -self.kv_cache_bytes)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


@lru_cache(maxsize=1 << 14)
def budget(arch: Architecture, precision: Precision, layout: Layout, limits: Limits, total_bytes: int) -> Budget:
    """Return the budget of one accelerator with `total_bytes` of memory as CUDA counts it.

    `kv_cache_bytes` is negative by what is missing when the weights alone do not fit.
    """
    stages = stage_budgets(arch, precision, layout, limits, total_bytes)
    return min(stages, key=lambda b: (b.kv_cache_tokens, b.kv_cache_bytes))


def stage_budgets(
    arch: Architecture, precision: Precision, layout: Layout, limits: Limits, total_bytes: int
) -> list[Budget]:
    """Return the budget of an accelerator of each pipeline stage."""
    weights = stage_weights(arch, precision, layout, prediction_layers=limits.prediction_layers)
    counts = layers_per_stage(arch.num_hidden_layers, layout.pipeline_parallel_size)
    usable = int(total_bytes * limits.gpu_memory_utilization)
    layers, first = arch.layers, 0
    budgets = []
    for stage, (computed, count) in enumerate(zip(weights, counts, strict=True)):
        held = int(computed * limits.weight_scale) + (limits.latent_buffer_bytes if arch.mla else 0)
        activation = activation_bytes(arch, precision, layout, limits, stage)
        overhead = overhead_bytes(layout) + graph_bytes(arch, layout, limits, count)
        # A prediction layer caches keys and values as a decoder layer does.
        predicted = limits.prediction_layers if stage == len(counts) - 1 else 0
        held_layers = layers[first : first + count] + (arch.layer(arch.num_hidden_layers),) * predicted
        first += count
        cache = usable - held - activation - overhead
        tokens, concurrency = cache_tokens(arch, layout, limits, held_layers, cache)
        budgets.append(
            Budget(
                total_bytes=total_bytes,
                weights_bytes=held,
                activation_bytes=activation,
                overhead_bytes=overhead,
                kv_cache_bytes=cache,
                free_bytes=total_bytes - usable,
                kv_cache_tokens=tokens,
                max_concurrency=concurrency,
            )
        )
    return budgets


def overhead_bytes(layout: Layout) -> int:
    """Return the bytes that CUDA and NCCL allocate on one accelerator."""
    if layout.expert_ranks > 1:
        return _NON_TORCH_TENSOR_PARALLEL
    return _NON_TORCH_PIPELINE if layout.pipeline_parallel_size > 1 else _NON_TORCH


def graph_bytes(arch: Architecture, layout: Layout, limits: Limits, layers: int) -> int:
    """Return the bytes that vLLM reserves for the CUDA graphs of a rank with `layers` layers.

    Piecewise graphs are captured for up to 512 tokens, full ones for decoding up to max_num_seqs sequences.
    """
    if limits.enforce_eager or arch.name in _RUNNER_V2:  # the V2 model runner reserves nothing
        return 0
    decoded = limits.max_num_seqs * (1 + limits.num_speculative_tokens)
    largest = min(2 * decoded, _LARGEST_GRAPH_TOKENS, limits.max_num_batched_tokens)
    decoded = min(decoded, largest)
    # Ranks that divide the cache compute the heads of all of them (flashattn_mla.py, num_heads_q; flash_attn.py,
    # query_across_dcp). Not measured.
    heads = -(-arch.num_attention_heads // layout.tensor_parallel_size) * layout.decode_context_parallel_size
    width = arch.kv_lora_rank if arch.mla else arch.head_size
    # With an FP8 cache latent attention uses FlashMLA, which needs no such buffer.
    split = 0 if arch.mla and limits.kv_cache_item_bytes == 1 else _ATTENTION_SPLITS * decoded * heads * width * 4
    context = _context_bytes(arch, layout, limits) if arch.mla else 0
    first = max(_FIRST_GRAPH + context, split + (context if limits.prediction_layers else 0))
    pieces = (_graphs(largest, fine=limits.fine_graphs) - 1) * max(MIB, int(layers * _PIECE_OF_LAYER))
    return first + pieces + (_graphs(decoded, fine=limits.fine_graphs) - 1) * _FULL_GRAPH


def _graphs(largest: int, *, fine: bool) -> int:
    """Return the number of batch sizes that vLLM captures: 1, 2, 4, then every 8 tokens, from 256 every 16.

    `fine`: each size up to 32 in addition (vllm/config/vllm.py, performance_mode "interactivity").
    """
    coarse = min(3, largest.bit_length()) + min(largest, 255) // 8 + max(0, largest - 240) // 16
    small = min(largest, _LARGEST_FINE_GRAPH)
    return coarse + (small - min(3, small.bit_length()) - small // 8 if fine else 0)


def _context_bytes(arch: Architecture, layout: Layout, limits: Limits) -> int:
    """Return the bytes of the context that chunked prefill of latent attention up-projects at once."""
    page = limits.max_num_seqs * BLOCK_TOKENS
    tokens = max(min(max(8 * limits.max_model_len, 4 * page), _MLA_WORKSPACE_TOKENS), page)
    heads = -(-arch.num_attention_heads // layout.tensor_parallel_size)
    return tokens * heads * (arch.qk_nope_head_dim + arch.v_head_dim) * 2


def activation_bytes(arch: Architecture, precision: Precision, layout: Layout, limits: Limits, stage: int) -> int:
    """Return the peak of the profiling run beyond the weights on a rank of pipeline stage `stage`, in bytes."""
    item, tensor = item_bytes(precision), layout.tensor_parallel_size
    tokens, rows = limits.max_num_batched_tokens, min(limits.max_num_seqs, limits.max_num_batched_tokens)
    v2 = arch.name in _RUNNER_V2
    hidden = tokens * arch.hidden_size * item
    workspace = _expert_workspace(arch, layout, tokens, item, stage)

    # gate and up projection, and their product
    forward = 3 * tokens * -(-arch.dense_width // tensor) * item
    forward += int((_HIDDEN_COPIES_V2 if v2 else _HIDDEN_COPIES) * hidden)
    if arch.mla:
        heads = -(-arch.num_attention_heads // tensor)
        query = arch.qk_nope_head_dim + arch.qk_rope_head_dim
        attention = tokens * heads * (query + arch.v_head_dim) * item + _context_bytes(arch, layout, limits)
        copies = _HIDDEN_COPIES_MLA if limits.enforce_eager else _HIDDEN_COPIES_MLA_COMPILED
        forward = max(forward, attention + int(copies * hidden))
    if arch.compressed:
        forward += (arch.hc_mult - 1) * int(_HIDDEN_COPIES * hidden) + _compressed_bytes(arch, layout, limits)
    if limits.prediction_layers:
        forward += hidden * (_HIDDEN_COPIES_DRAFT if limits.enforce_eager else _HIDDEN_COPIES_DRAFT_COMPILED)

    peak = forward
    if stage == layout.pipeline_parallel_size - 1:
        row, buffer = (_SAMPLER_ROWS_V2, _SAMPLER_BUFFER_V2) if v2 else (_SAMPLER_ROWS, _SAMPLER_BUFFER)
        buffer += _COMPILED_V2 if v2 and not limits.enforce_eager else 0
        rows *= 2 if limits.prediction_layers else 1  # each sequence's token and the first one drafted for it
        sampler = int(rows * arch.vocab_size * 4 * row) + buffer + hidden + 2 * rows * arch.hidden_size * item
        peak = max(peak, sampler)
    received = hidden if stage and not v2 else 0  # from the previous stage
    return peak + workspace + received + _indexer_bytes(arch, limits)


def _compressed_bytes(arch: Architecture, layout: Layout, limits: Limits) -> int:
    """Return the bytes of the queries and outputs of compressed attention, and of the entries that it gathers."""
    heads = -(-arch.num_attention_heads // layout.tensor_parallel_size)
    padded = -(-heads // _PADDED_HEADS) * _PADDED_HEADS
    tokens = limits.max_num_batched_tokens
    gathered = limits.max_model_len // min(RATIOS.values()) + arch.sliding_window + tokens
    return (2 * tokens * padded + _GATHERED_SEQUENCES * gathered) * arch.head_size * 2


def _indexer_bytes(arch: Architecture, limits: Limits) -> int:
    """Return the bytes that the indexer of sparse attention needs besides its parameters and its cache."""
    if not arch.index_head_dim:
        return 0
    entries = limits.max_model_len // (min(RATIOS.values()) if arch.compressed else 1)
    gathered = entries * _INDEXER_CONTEXTS * _INDEXER_TOKEN_BYTES
    return gathered + _INDEXER_LOGITS + limits.max_num_batched_tokens * arch.index_topk * 4


def _expert_workspace(arch: Architecture, layout: Layout, tokens: int, item: int, stage: int) -> int:
    """Return the bytes of the fused experts' buffers, which stay allocated after the first layer of a rank has run."""
    if not arch.moe:
        return 0
    counts = layers_per_stage(arch.num_hidden_layers, layout.pipeline_parallel_size)
    first = sum(counts[:stage])
    if sum(arch.is_moe_layer(layer) for layer in range(first, first + counts[stage])) < 2:
        return 0
    inner = arch.moe_intermediate_size
    if not layout.expert_parallel:
        inner = -(-inner // layout.expert_ranks)
    rows = tokens * layout.data_parallel_size * arch.num_experts_per_tok  # experts see the tokens of all replicas
    return rows * (max(inner, arch.hidden_size) + max(2 * inner, arch.hidden_size)) * item
