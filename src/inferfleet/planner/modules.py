"""Parameters of a model: those in the checkpoint, and the part that each tensor-parallel rank holds."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from math import ceil, prod

from inferfleet.catalog.architecture import Architecture, Precision
from inferfleet.catalog.layers import Layer

BLOCK = 128
"""Side of a quantization block (FP8 and block INT8) and usual group length of INT4, in elements."""
_VOCAB_PADDING = 64  # vLLM pads the vocabulary to a multiple of this before it splits it (VocabParallelEmbedding)
ITEM_BYTES: dict[Precision, int] = {"fp32": 4, "bf16": 2, "fp16": 2}
"""Bytes of an element that is not quantized."""


class Split(Enum):
    """How tensor parallelism divides a matrix of `outputs` × `inputs`."""

    NONE = "replicated on every rank"
    COLUMN = "outputs divided"
    ROW = "inputs divided"
    VOCABULARY = "rows divided after padding"


@dataclass(frozen=True, slots=True)
class Matrix:
    """One parameter of the running model: `copies` matrices, each of the stacked `parts` × `inputs`.

    `parts` are separate tensors in the checkpoint (q, k and v, or gate and up) that the engine fuses.
    """

    name: str
    parts: tuple[int, ...]
    inputs: int
    split: Split = Split.NONE
    modules: tuple[str, ...] = ()  # names of its parts in a layer of the checkpoint, if they may be quantized
    copies: int = 1
    kv_heads: int = 0  # parts after the first consist of this many heads, which ranks may have to share
    item_bytes: int = 0  # 0: the model's own element size
    quantized: bool = False
    group: int = BLOCK  # inputs that share a scale with INT4; 0: all
    zero_points: bool = True

    def on_rank(self, tensor_parallel_size: int, experts_divided: bool = False) -> "Matrix":
        """Return the part that one rank holds."""
        n = tensor_parallel_size
        if self.copies > 1 and experts_divided:
            return replace(self, copies=ceil(self.copies / n))
        if n == 1 and self.split is not Split.VOCABULARY:
            return self
        match self.split:
            case Split.COLUMN:
                return replace(self, parts=(self._share(self.parts[0], n), *(self._kv(p, n) for p in self.parts[1:])))
            case Split.ROW:
                return replace(self, inputs=self._share(self.inputs, n))
            case Split.VOCABULARY:
                rows = ceil(self.parts[0] / _VOCAB_PADDING) * _VOCAB_PADDING
                return replace(self, parts=(ceil(rows / n),))
        return self

    def _kv(self, part: int, n: int) -> int:
        if not self.kv_heads:
            return self._share(part, n)
        return part // self.kv_heads * max(1, ceil(self.kv_heads / n))

    @staticmethod
    def _share(size: int, n: int) -> int:
        return ceil(size / n)

    def sizes(self, precision: Precision, item: int) -> list[int]:
        """Return the bytes of each allocation: the weight and, if it is quantized, its scales."""
        element = self.item_bytes or item
        outputs, inputs, copies = sum(self.parts), self.inputs, self.copies
        if not self.quantized or precision in ITEM_BYTES:
            return [copies * outputs * inputs * element]
        if precision == "int4":  # one scale (16 bit) a group, and with AWQ and GPTQ one zero point (4 bit)
            groups = ceil(inputs / (self.group or inputs))
            zeros = [copies * outputs * groups // 2] if self.zero_points else []
            return [copies * outputs * inputs // 2, copies * outputs * groups * 2, *zeros]
        blocks = ceil(inputs / BLOCK)
        rows = sum(ceil(part / BLOCK) for part in self.parts)
        return [copies * outputs * inputs, copies * rows * blocks * 4]

    @property
    def elements(self) -> int:
        """Number of weights."""
        return prod((self.copies, sum(self.parts), self.inputs))


def vector(name: str, size: int, split: Split = Split.NONE, item_bytes: int = 0) -> Matrix:
    """Return a one-dimensional parameter."""
    return Matrix(name, (size,), 1, split, item_bytes=item_bytes)


def embedding(arch: Architecture) -> Matrix:
    """Return the token embedding table."""
    return Matrix("embed_tokens", (arch.vocab_size,), arch.hidden_size, Split.VOCABULARY)


def output_head(arch: Architecture) -> list[Matrix]:
    """Return the parameters after the last layer."""
    head = [vector("norm", arch.hidden_size)]
    if not arch.tie_word_embeddings:
        head.append(Matrix("lm_head", (arch.vocab_size,), arch.hidden_size, Split.VOCABULARY))
    return head


def decoder_layer(arch: Architecture, layer: int) -> Iterator[Matrix]:
    """Yield the parameters of decoder layer `layer` (from 0)."""
    how = arch.quantization
    for matrix in _decoder_layer(arch, arch.layer(layer)):
        if any(how.quantizes(f"model.layers.{layer}.{name}") for name in matrix.modules):
            yield replace(matrix, quantized=True, group=how.group_size, zero_points=how.zero_points)
        else:
            yield matrix


@cache
def alike_layers(arch: Architecture) -> tuple[int, ...]:
    """Return for each decoder layer the first one with the same parameters."""
    first: dict[tuple[Matrix, ...], int] = {}
    layers = range(arch.num_hidden_layers)
    return tuple(first.setdefault(tuple(decoder_layer(arch, layer)), layer) for layer in layers)


def _decoder_layer(arch: Architecture, layer: Layer) -> Iterator[Matrix]:
    hidden = arch.hidden_size
    yield vector("input_layernorm", hidden)
    yield from _latent_attention(arch) if arch.mla else _attention(arch)
    yield vector("post_attention_layernorm", hidden)
    if not layer.experts:
        yield from _feed_forward("mlp", hidden, arch.intermediate_size)
        return
    inner, experts = arch.moe_intermediate_size, arch.n_routed_experts
    yield Matrix("gate", (experts,), hidden)
    if arch.correction_bias_bytes:
        yield vector("e_score_correction_bias", experts, item_bytes=arch.correction_bias_bytes)
    one = "mlp.experts.0"  # engines quantize all experts of a layer alike
    gate_up = (f"{one}.gate_proj", f"{one}.up_proj")
    yield Matrix("experts.w13", (inner, inner), hidden, Split.COLUMN, gate_up, copies=experts)
    yield Matrix("experts.w2", (hidden,), inner, Split.ROW, (f"{one}.down_proj",), copies=experts)
    if arch.shared_width:
        yield from _feed_forward("mlp.shared_experts", hidden, arch.shared_width)


def prediction_layer(arch: Architecture) -> Iterator[Matrix]:
    """Yield the parameters of one multi-token-prediction layer as the checkpoint stores it."""
    hidden = arch.hidden_size
    yield from decoder_layer(arch, arch.num_hidden_layers)
    yield vector("enorm", hidden)
    yield vector("hnorm", hidden)
    yield Matrix("eh_proj", (hidden,), 2 * hidden)
    yield embedding(arch)
    yield vector("shared_head.norm", hidden)
    yield Matrix("shared_head.head", (arch.vocab_size,), hidden, Split.VOCABULARY)


def _attention(arch: Architecture) -> Iterator[Matrix]:
    heads, kv, size = arch.num_attention_heads, arch.num_key_value_heads, arch.head_size
    parts = (heads * size, kv * size, kv * size)
    yield Matrix("qkv_proj", parts, arch.hidden_size, Split.COLUMN, _attention_modules("q", "k", "v"), kv_heads=kv)
    if arch.attention_bias:
        yield Matrix("qkv_bias", parts, 1, Split.COLUMN, kv_heads=kv)
    if arch.joint_qk_norm:
        yield Matrix("qk_norm", (heads * size, kv * size), 1, Split.COLUMN, kv_heads=kv)
    elif arch.qk_norm:
        yield vector("q_norm", size)
        yield vector("k_norm", size)
    yield Matrix("o_proj", (arch.hidden_size,), heads * size, Split.ROW, _attention_modules("o"))
    if arch.attention_output_bias:
        yield vector("o_bias", arch.hidden_size)


def _latent_attention(arch: Architecture) -> Iterator[Matrix]:
    heads, hidden = arch.num_attention_heads, arch.hidden_size
    query = arch.qk_nope_head_dim + arch.qk_rope_head_dim
    latent = arch.kv_lora_rank + arch.qk_rope_head_dim
    if arch.q_lora_rank:
        fused = ("self_attn.q_a_proj", "self_attn.kv_a_proj_with_mqa")
        yield Matrix("fused_qkv_a_proj", (arch.q_lora_rank, latent), hidden, modules=fused)
        yield vector("q_a_layernorm", arch.q_lora_rank)
        yield Matrix("q_b_proj", (heads * query,), arch.q_lora_rank, Split.COLUMN, _attention_modules("q_b"))
    else:
        yield Matrix("kv_a_proj_with_mqa", (latent,), hidden, modules=("self_attn.kv_a_proj_with_mqa",))
        yield Matrix("q_proj", (heads * query,), hidden, Split.COLUMN, _attention_modules("q"))
    yield vector("kv_a_layernorm", arch.kv_lora_rank)
    up = heads * (arch.qk_nope_head_dim + arch.v_head_dim)
    yield Matrix("kv_b_proj", (up,), arch.kv_lora_rank, Split.COLUMN, _attention_modules("kv_b"))
    yield Matrix("o_proj", (hidden,), heads * arch.v_head_dim, Split.ROW, _attention_modules("o"))


def _attention_modules(*names: str) -> tuple[str, ...]:
    return tuple(f"self_attn.{name}_proj" for name in names)


def _feed_forward(module: str, hidden: int, inner: int) -> Iterator[Matrix]:
    gate_up = (f"{module}.gate_proj", f"{module}.up_proj")
    yield Matrix("gate_up_proj", (inner, inner), hidden, Split.COLUMN, gate_up)
    yield Matrix("down_proj", (hidden,), inner, Split.ROW, (f"{module}.down_proj",))
