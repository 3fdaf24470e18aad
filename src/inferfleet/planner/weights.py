"""Bytes of a model's weights: in the checkpoint, and on each rank of the running engine."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from inferfleet.catalog.architecture import Architecture, Precision
from inferfleet.engines.layout import Layout
from inferfleet.planner.matrix import ITEM_BYTES, Matrix
from inferfleet.planner.modules import (
    alike_layers,
    decoder_layer,
    draft_model,
    embedding,
    output_head,
    prediction_layer,
)
from inferfleet.planner.vision import vision_encoder

MIB = 1 << 20

# PyTorch's caching allocator (c10/cuda/CUDACachingAllocator.cpp): small requests are rounded to 512 bytes; from
# 10 MiB on a request gets its own segment, rounded to 2 MiB, whose rest is split off only if the request is
# below max_split_size (vLLM sets 20 MiB while it loads) and the rest is above 1 MiB.
_ROUND_SMALL, _SEGMENT_FROM, _ROUND_SEGMENT, _MAX_SPLIT = 512, 10 * MIB, 2 * MIB, 20 * MIB

_GROUP_SCALE = 2
"""Bytes of a scale of INT4 weights: engines cast those in FP32 (sglang/srt/layers/quantization/w4afp8.py)."""
_MXFP4_PADDING = 64
"""Multiple of the widths of experts for vLLM's Triton kernels (H100, H200); others pad to 128 (oracle/mxfp4.py)."""


def layers_per_stage(layers: int, stages: int) -> list[int]:
    """Return the number of layers of each pipeline stage in vLLM.

    Remaining layers go to the stages before the last one, since the last one also holds the output head
    (vllm/distributed/utils.py, get_pp_indices).
    """
    counts = [layers // stages] * stages
    for i in range(2, layers % stages + 2):
        counts[-i] += 1
    return counts


def item_bytes(precision: Precision) -> int:
    """Return the bytes of an unquantized element."""
    return ITEM_BYTES.get(precision, 2)


@cache
def checkpoint_bytes(arch: Architecture, precision: Precision, *, prediction_layers: bool = True) -> int:
    """Return the bytes of all tensors of a checkpoint of this architecture."""
    modules: list[Matrix] = [embedding(arch), *output_head(arch), *vision_encoder(arch)]
    for layer in range(arch.num_hidden_layers):
        modules += decoder_layer(arch, layer)
    if prediction_layers:
        for _ in range(arch.num_nextn_predict_layers):
            modules += prediction_layer(arch)
        modules += draft_model(arch)
    item = item_bytes(precision)
    return sum(sum(m.sizes(precision, item)) for m in modules)


class _Ranks(NamedTuple):
    """Over how many ranks a layout divides a layer: layouts that differ in their stages have equal layers."""

    tensor: int
    experts: int
    expert_parallel: bool


@cache
def stage_weights(
    arch: Architecture, precision: Precision, layout: Layout, *, prediction_layers: int = 0
) -> tuple[int, ...]:
    """Return the bytes of GPU memory the loaded weights take on a rank of each pipeline stage.

    This is what vLLM reports as "Model loading took": parameters as rounded by the allocator, the rotary
    table, and for latent attention with quantized weights the dequantized up-projection.
    `prediction_layers` counts the multi-token-prediction layers that speculative decoding loads.
    """
    counts = layers_per_stage(arch.num_hidden_layers, layout.pipeline_parallel_size)
    ranks = _Ranks(layout.tensor_parallel_size, layout.expert_ranks, layout.expert_parallel)
    sizes: list[int] = []
    first = 0
    for stage, count in enumerate(counts):
        layers = alike_layers(arch)[first : first + count]
        first += count
        total = _rotary_table(arch, precision) + _vision_bytes(arch, precision, ranks)
        total += sum(_layer_bytes(arch, precision, ranks, layer) * n for layer, n in Counter(layers).items())
        if stage == 0 or (arch.tie_word_embeddings and stage == len(counts) - 1):
            total += _held([embedding(arch)], precision, ranks)
        if stage == len(counts) - 1:
            total += _held(output_head(arch), precision, ranks)
            # Its embedding and head are shared with the model, so they need no extra memory.
            total += prediction_layers * _prediction_bytes(arch, precision, ranks)
        sizes.append(total)
    return tuple(sizes)


@cache
def _layer_bytes(arch: Architecture, precision: Precision, ranks: _Ranks, layer: int) -> int:
    modules = list(decoder_layer(arch, layer))
    held = _held(modules, precision, ranks)
    if precision not in ITEM_BYTES and any(m.quantized for m in modules if m.name == "kv_b_proj"):
        heads = -(-arch.num_attention_heads // ranks.tensor)
        held += allocated(heads * (arch.qk_nope_head_dim + arch.v_head_dim) * arch.kv_lora_rank * 2)
    return held


@cache
def _prediction_bytes(arch: Architecture, precision: Precision, ranks: _Ranks) -> int:
    shared = ("embed_tokens", "shared_head.head")
    return _held([m for m in prediction_layer(arch) if m.name not in shared], precision, ranks)


@cache
def _vision_bytes(arch: Architecture, precision: Precision, ranks: _Ranks) -> int:
    return _held([*vision_encoder(arch)], precision, ranks)


def _held(modules: Sequence[Matrix], precision: Precision, ranks: _Ranks) -> int:
    item = item_bytes(precision)
    total = 0
    for module in modules:
        group = ranks.experts if module.copies > 1 else ranks.tensor
        part = module.on_rank(group, experts_divided=ranks.expert_parallel)
        if (part.precision or precision) == "mxfp4" and part.quantized:
            part = part.padded(_MXFP4_PADDING)
        sizes = replace(part, group_scale_bytes=_GROUP_SCALE).sizes(precision, item)
        total += sum(allocated(size) for size in sizes)
        # Marlin, the INT4 kernel, keeps a permuted copy of the scales; those of experts it replaces
        # (vllm/model_executor/layers/quantization, replace_parameter in process_weights_after_loading).
        if (part.precision or precision) == "int4" and part.quantized and part.copies == 1:
            total += allocated(sizes[1])
    return total


def _rotary_table(arch: Architecture, precision: Precision) -> int:
    if arch.kimi_delta_attention:
        return 0  # latent attention without positions (mla_use_nope)
    if arch.mla:  # YaRN's, in FP32 (vllm/model_executor/layers/rotary_embedding/deepseek_scaling_rope.py)
        return allocated(arch.max_position_embeddings * arch.rotary_size * 4)
    if arch.compressed:  # in FP32; layers without compression have another (vllm/models/deepseek_v4/common/rope.py)
        tables = len({layer.attention == "sliding_attention" for layer in arch.layers})
        return tables * allocated(arch.max_position_embeddings * arch.rotary_size * 4)
    return allocated(arch.max_position_embeddings * arch.rotary_size * item_bytes(precision))


def allocated(size: int) -> int:
    """Return the bytes PyTorch's allocator charges for a tensor of `size` bytes while weights are loaded."""
    if size < _SEGMENT_FROM:
        return -(-size // _ROUND_SMALL) * _ROUND_SMALL
    segment = -(-size // _ROUND_SEGMENT) * _ROUND_SEGMENT
    if size < _MAX_SPLIT and segment - size > MIB:
        return -(-size // _ROUND_SMALL) * _ROUND_SMALL
    return segment
