"""Parameters of the attention of a layer, by its kind."""

from collections.abc import Iterator
from itertools import chain

from inferfleet.catalog.architecture import Architecture
from inferfleet.catalog.layers import Layer
from inferfleet.planner.compressed_attention import compressed_attention
from inferfleet.planner.mamba import mamba
from inferfleet.planner.matrix import Matrix, Split, vector


def attention(arch: Architecture, layer: Layer) -> Iterator[Matrix]:
    """Yield the parameters of the attention of a layer."""
    if layer.attention == "parallel_attention":
        return chain(_grouped_query(arch), mamba(arch))
    if layer.attention == "linear_attention":
        if arch.kimi_delta_attention:
            return _kimi_delta(arch)
        return mamba(arch) if arch.mamba_n_heads else _linear(arch)
    if arch.share_q_dim:
        return _multi_matrix(arch)
    if arch.compressed:
        return compressed_attention(arch, layer)
    return _latent(arch, layer) if arch.mla else _grouped_query(arch)


def _grouped_query(arch: Architecture) -> Iterator[Matrix]:
    heads, kv, size = arch.num_attention_heads, arch.num_key_value_heads, arch.head_size
    parts = (heads * size * (2 if arch.attention_gate else 1), kv * size, kv * size)
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
    if arch.attention_sinks:
        yield vector("sinks", heads, Split.COLUMN)


def _latent(arch: Architecture, layer: Layer) -> Iterator[Matrix]:
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
    if layer.indexer:
        yield from _indexer(arch)


def _indexer(arch: Architecture) -> Iterator[Matrix]:
    """Yield the indexer of sparse attention, which is replicated on every rank (vllm: deepseek_v2.py, Indexer).

    vLLM fuses wk with weights_proj and so dequantizes it.
    """
    heads, size, hidden = arch.index_n_heads, arch.index_head_dim, arch.hidden_size
    yield Matrix("indexer.wq_b", (heads * size,), arch.q_lora_rank, modules=("self_attn.indexer.wq_b",))
    yield Matrix("indexer.wk", (size,), hidden, modules=("self_attn.indexer.wk",))
    yield Matrix("indexer.weights_proj", (heads,), hidden)
    yield Matrix("indexer.k_norm", (size, size), 1)  # weight and bias


def _linear(arch: Architecture) -> Iterator[Matrix]:
    """Yield the parameters of a gated delta rule (vllm/model_executor/layers/mamba/gdn/qwen_gdn_linear_attn.py)."""
    hidden, heads = arch.hidden_size, arch.linear_num_value_heads
    keys = arch.linear_num_key_heads * arch.linear_key_head_dim
    values = heads * arch.linear_value_head_dim
    module = "linear_attn"
    yield Matrix("in_proj_qkvz", (keys, keys, values, values), hidden, Split.COLUMN, (f"{module}.in_proj_qkvz",))
    yield Matrix("in_proj_ba", (heads, heads), hidden, Split.COLUMN, (f"{module}.in_proj_ba",))
    yield Matrix("conv1d", (keys, keys, values), arch.linear_conv_kernel_dim, Split.COLUMN)
    yield Matrix("dt_bias, A_log", (heads, heads), 1, Split.COLUMN)
    yield vector("norm", arch.linear_value_head_dim)
    yield Matrix("out_proj", (hidden,), values, Split.ROW, (f"{module}.out_proj",))


def _kimi_delta(arch: Architecture) -> Iterator[Matrix]:
    """Yield the parameters of Kimi delta attention (vllm/model_executor/layers/mamba/gdn/kimi_gdn_linear_attn.py)."""
    hidden, heads, size = arch.hidden_size, arch.linear_num_value_heads, arch.linear_value_head_dim
    inner = heads * size
    yield Matrix("in_proj_qkv", (inner,) * 3, hidden, Split.COLUMN, _attention_modules("q", "k", "v"))
    yield Matrix("b_proj", (heads,), hidden, Split.COLUMN, _attention_modules("b"))
    for gate in ("f", "g"):  # of the decay, and of the output
        yield Matrix(f"{gate}_a_proj", (size,), hidden, modules=_attention_modules(f"{gate}_a"))
        yield Matrix(f"{gate}_b_proj", (inner,), size, Split.COLUMN, _attention_modules(f"{gate}_b"))
    yield Matrix("conv1d", (inner,) * 3, arch.linear_conv_kernel_dim, Split.COLUMN)
    yield vector("dt_bias", inner, Split.COLUMN, item_bytes=4)
    yield vector("A_log", heads, Split.COLUMN, item_bytes=4)
    yield vector("o_norm", size)
    yield Matrix("o_proj", (hidden,), inner, Split.ROW, _attention_modules("o"))


def _multi_matrix(arch: Architecture) -> Iterator[Matrix]:
    """Yield the parameters of multi-matrix factorization attention, whose keys and values are those of one head.

    vllm/model_executor/models/step3_text.py: only its queries and its output are divided.
    """
    heads, size = arch.num_attention_heads * arch.head_size, arch.head_size
    parts = (arch.share_q_dim, size, size)
    yield Matrix("qkv_proj", parts, arch.hidden_size, modules=_attention_modules("q", "k", "v"))
    yield vector("inter_norm", arch.share_q_dim)
    yield Matrix("wq", (heads,), arch.share_q_dim, Split.COLUMN, ("self_attn.wq",))
    yield Matrix("o_proj", (arch.hidden_size,), heads, Split.ROW, _attention_modules("o"))


def _attention_modules(*names: str) -> tuple[str, ...]:
    return tuple(f"self_attn.{name}_proj" for name in names)
