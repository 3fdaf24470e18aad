"""KV cache of a model in vLLM: bytes of a token in each kind of layer, and tokens that fit in an amount of memory.

Layers that do not keep every token share one pool of blocks with the others (vllm/v1/core/kv_cache_utils.py of 0.32.0,
_get_kv_cache_groups_uniform_page_size; vllm/v1/kv_cache_interface.py, max_memory_usage_bytes): they are divided into
groups of as many layers, a block holds a page of each layer of one group, and a sequence takes blocks of every group.
"""

from collections import Counter
from math import ceil

from inferfleet.catalog.architecture import Architecture
from inferfleet.catalog.layers import Layer, LayerType
from inferfleet.engines.layout import Layout
from inferfleet.planner.compressed_cache import compressed_cache_tokens, tokens_in_flight
from inferfleet.planner.limits import Limits
from inferfleet.planner.mamba import mamba_state_bytes

BLOCK_TOKENS = 16
"""Tokens of one KV cache block; vLLM's default."""
_STATE_BLOCKS = 2
"""Blocks of linear attention for a sequence with prefix caching (mamba_cache_mode "align")."""
_INDEX_SCALE = 4 / 128  # bytes of scale for each FP8 element of DeepSeek V3.2's indexer (deepseek_v2.py, Indexer)
_SPARSE_FP8_BYTES = 656
"""Bytes of a token of sparse latent attention with an FP8 cache (flashmla_sparse.py, fp8_ds_mla)."""


def kv_bytes_per_token(arch: Architecture, layout: Layout, kv_item_bytes: int) -> int:
    """Return the bytes one token of KV cache takes per layer on one rank, in a layer that keeps tokens.

    Latent attention keeps one vector, the same on every tensor-parallel rank; grouped-query attention keeps keys and
    values of its share of heads, at least one.
    """
    if arch.assumed:
        return arch.assumed.kv_bytes
    if arch.mla:
        sparse = arch.index_head_dim > 0 and kv_item_bytes == 1
        return _SPARSE_FP8_BYTES if sparse else (arch.kv_lora_rank + arch.qk_rope_head_dim) * kv_item_bytes
    heads = max(1, ceil(arch.num_key_value_heads / layout.tensor_parallel_size))
    return 2 * heads * arch.head_size * kv_item_bytes


def index_bytes_per_token(arch: Architecture) -> int:
    """Return the bytes of a token in the cache of an indexer of sparse attention, in FP8; 0 for other attention."""
    return int(arch.index_head_dim * (1 + _INDEX_SCALE))


def state_bytes(arch: Architecture, layout: Layout) -> int:
    """Return the bytes of the state that a layer of linear attention keeps for a sequence on one rank.

    vllm/model_executor/layers/mamba/mamba_utils.py, gated_delta_net_state_shape.
    """
    item = 4 if arch.mamba_ssm_dtype == "float32" else 2
    if arch.mamba_n_heads:
        return mamba_state_bytes(arch, layout.tensor_parallel_size, item)
    keys = arch.linear_num_key_heads * arch.linear_key_head_dim
    values = arch.linear_num_value_heads * arch.linear_value_head_dim
    convolution = (2 * keys + values) * (arch.linear_conv_kernel_dim - 1)
    return (convolution * 2 + values * arch.linear_key_head_dim * item) // layout.tensor_parallel_size


def cache_tokens(
    arch: Architecture, layout: Layout, limits: Limits, layers: tuple[Layer, ...], size: int
) -> tuple[int, float]:
    """Return the tokens that `size` bytes of KV cache of a stage with these layers hold, and the concurrency.

    The concurrency counts sequences of max_model_len tokens.
    """
    if arch.compressed:
        return compressed_cache_tokens(arch, layout, limits, layers, size)
    per_layer = kv_bytes_per_token(arch, layout, limits.kv_cache_item_bytes)
    if not arch.layer_types:
        token = per_layer * max(1, len(layers)) + index_bytes_per_token(arch) * sum(layer.indexer for layer in layers)
        # With decode context parallelism a rank holds its share of the tokens (kv_cache_interface.py, dcp_world_size).
        tokens = max(0, size // (token * BLOCK_TOKENS) * BLOCK_TOKENS) * layout.decode_context_parallel_size
        return tokens, tokens / limits.max_model_len
    counts = Counter(kind for layer in arch.layers for kind in layer.caches)
    block = BLOCK_TOKENS
    if "linear_attention" in counts:  # blocks of all kinds have the same size (interface.py, _align_hybrid_block_size)
        block = ceil(state_bytes(arch, layout) / per_layer / BLOCK_TOKENS) * BLOCK_TOKENS
    group = min(counts.values())
    if max(counts.values()) < 1.5 * group:
        group = max(counts.values())
    needed = sum(ceil(count / group) * _blocks(arch, layout, limits, kind, block) for kind, count in counts.items())
    here = Counter(kind for layer in layers for kind in layer.caches)
    widest = max(ceil(here[kind] / ceil(count / group)) for kind, count in counts.items())
    blocks = max(0, size // (per_layer * block * max(1, widest)))
    concurrency = blocks / needed
    return int(concurrency * limits.max_model_len), concurrency


def _blocks(arch: Architecture, layout: Layout, limits: Limits, kind: LayerType, block: int) -> int:
    """Return the blocks that a sequence of max_model_len tokens takes in a group of one kind of layer."""
    length, in_flight = limits.max_model_len, tokens_in_flight(layout, limits)
    match kind:
        case "linear_attention":
            return _STATE_BLOCKS + limits.num_speculative_tokens
        case "sliding_attention":
            return ceil(min(arch.sliding_window - 1 + in_flight, length) / block) + 1
        case "chunked_attention":
            return ceil(min(arch.attention_chunk_size + in_flight, length) / block)
        case _:
            return ceil(length / block)
