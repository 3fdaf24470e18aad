"""Parameters of compressed attention and of hyper-connections (vllm/models/deepseek_v4: attention.py, compressor.py).

Queries and keys have a low rank as in latent attention, but one vector serves as key and value of all heads.
"""

from collections.abc import Iterator

from inferfleet.catalog.architecture import Architecture
from inferfleet.catalog.layers import Layer, LayerType
from inferfleet.planner.matrix import Matrix, Split, vector

RATIOS: dict[LayerType, int] = {"compressed_sparse_attention": 4, "heavily_compressed_attention": 128}
"""Tokens of one entry of the KV cache."""
_FP32 = 4


def overlap(ratio: int) -> int:
    """Return how many entries a token is part of: compression by 4 also reads the tokens of the entry before."""
    return 2 if ratio == RATIOS["compressed_sparse_attention"] else 1


def compressed_attention(arch: Architecture, layer: Layer) -> Iterator[Matrix]:
    """Yield the parameters of the attention of a layer; compressors and indexer are replicated on every rank."""
    heads, hidden, width, query = arch.num_attention_heads, arch.hidden_size, arch.head_size, arch.q_lora_rank
    outputs = arch.o_groups * arch.o_lora_rank
    yield Matrix("fused_wqa_wkv", (query, width), hidden, modules=("self_attn.wq_a", "self_attn.wkv"))
    yield vector("q_norm", query)
    yield Matrix("wq_b", (heads * width,), query, Split.COLUMN, ("self_attn.wq_b",))
    yield vector("kv_norm", width)
    yield Matrix("wo_a", (outputs,), heads * width // arch.o_groups, Split.COLUMN, ("self_attn.wo_a",))
    yield Matrix("wo_b", (hidden,), outputs, Split.ROW, ("self_attn.wo_b",))
    yield vector("attn_sink", heads, Split.COLUMN, item_bytes=_FP32)
    if ratio := RATIOS.get(layer.attention):
        yield from _compressor("compressor", hidden, width, ratio)
    if layer.indexer:
        heads, width = arch.index_n_heads, arch.index_head_dim
        yield Matrix("indexer.wq_b", (heads * width,), query, modules=("self_attn.indexer.wq_b",))
        yield Matrix("indexer.weights_proj", (heads,), hidden)
        yield from _compressor("indexer.compressor", hidden, width, ratio or 1)


def _compressor(name: str, hidden: int, width: int, ratio: int) -> Iterator[Matrix]:
    inner = overlap(ratio) * width
    yield Matrix(f"{name}.wkv, {name}.wgate", (inner, inner), hidden)
    yield Matrix(f"{name}.ape", (ratio,), inner, item_bytes=_FP32)
    yield vector(f"{name}.norm", width)


def hyper_connection(arch: Architecture, name: str) -> Iterator[Matrix]:
    """Yield the parameters that mix the residual streams before and after a block; none without streams."""
    if streams := arch.hc_mult:
        mixes = (2 + streams) * streams
        yield Matrix(f"hc_{name}_fn", (mixes,), streams * arch.hidden_size, item_bytes=_FP32)
        yield vector(f"hc_{name}_base", mixes, item_bytes=_FP32)
        yield vector(f"hc_{name}_scale", 3, item_bytes=_FP32)


def hyper_head(arch: Architecture) -> Iterator[Matrix]:
    """Yield the parameters that reduce the residual streams to one before the output head; none without streams."""
    if streams := arch.hc_mult:
        yield Matrix("hc_head_fn", (streams,), streams * arch.hidden_size, item_bytes=_FP32)
        yield vector("hc_head_base", streams, item_bytes=_FP32)
        yield vector("hc_head_scale", 1, item_bytes=_FP32)
