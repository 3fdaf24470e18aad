"""Parameters of a model by layer, as its checkpoint has them."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from inferfleet.catalog.architecture import Architecture
from inferfleet.catalog.layers import Layer
from inferfleet.planner.attention import attention
from inferfleet.planner.compressed_attention import hyper_connection, hyper_head
from inferfleet.planner.matrix import Matrix, Split, vector

_HASH_BYTES = 8  # of an entry of the table that selects experts


def embedding(arch: Architecture) -> Matrix:
    """Return the token embedding table."""
    return Matrix("embed_tokens", (arch.vocab_size,), arch.hidden_size, Split.VOCABULARY)


def output_head(arch: Architecture) -> list[Matrix]:
    """Return the parameters after the last layer."""
    head = [vector("norm", arch.hidden_size), *hyper_head(arch)]
    if not arch.tie_word_embeddings:
        head.append(Matrix("lm_head", (arch.vocab_size,), arch.hidden_size, Split.VOCABULARY))
    return head


def decoder_layer(arch: Architecture, layer: int) -> Iterator[Matrix]:
    """Yield the parameters of decoder layer `layer` (from 0)."""
    if arch.assumed:
        yield Matrix("layer", (arch.assumed.weight_bytes,), 1, Split.COLUMN, item_bytes=1)
        return
    for matrix in _decoder_layer(arch, arch.layer(layer)):
        yield _stored(arch, layer, matrix)


def _stored(arch: Architecture, layer: int, matrix: Matrix) -> Matrix:
    """Return a parameter of a layer as the checkpoint's quantization stores it."""
    how = arch.quantization
    if not any(how.quantizes(f"model.layers.{layer}.{name}") for name in matrix.modules):
        return matrix
    return replace(
        matrix,
        quantized=True,
        group=how.group_size,
        zero_points=how.zero_points,
        precision=(how.experts if matrix.copies > 1 else how.others) or None,
        scale_bytes=how.scale_bytes,
        group_scale_bytes=how.group_scale_bytes,
    )


@cache
def alike_layers(arch: Architecture) -> tuple[int, ...]:
    """Return for each decoder layer the first one with the same parameters."""
    first: dict[tuple[Matrix, ...], int] = {}
    layers = range(arch.num_hidden_layers)
    return tuple(first.setdefault(tuple(decoder_layer(arch, layer)), layer) for layer in layers)


def _decoder_layer(arch: Architecture, layer: Layer) -> Iterator[Matrix]:
    hidden = arch.hidden_size
    yield vector("input_layernorm", hidden)
    if layer.attends:
        yield from attention(arch, layer)
        if arch.separate_layers:
            return
    if not (arch.shared_norm or arch.separate_layers):
        yield vector("post_attention_layernorm", hidden)
    yield from hyper_connection(arch, "attn")
    yield from hyper_connection(arch, "ffn")
    if arch.sandwich_norms:
        yield vector("pre_feedforward_layernorm", hidden)
        yield vector("post_feedforward_layernorm", hidden)
    if not layer.experts:
        yield from _feed_forward(arch, "mlp", arch.intermediate_size)
        return
    inner, experts = arch.moe_intermediate_size, arch.n_routed_experts
    yield Matrix("gate", (experts,), hidden)
    if arch.router_bias:
        yield vector("router_bias", experts)
    if layer.hashed:
        yield Matrix("tid2eid", (arch.vocab_size,), arch.num_experts_per_tok, item_bytes=_HASH_BYTES)
    elif arch.correction_bias_bytes:
        yield vector("e_score_correction_bias", experts, item_bytes=arch.correction_bias_bytes)
    one = "mlp.experts.0"  # engines quantize all experts of a layer alike
    gate_up = (f"{one}.gate_proj", f"{one}.up_proj")
    up = (inner, inner) if arch.gated_feed_forward else (inner,)
    if width := arch.moe_latent_size:
        yield Matrix("fc1_latent_proj", (width,), hidden, modules=("mixer.fc1_latent_proj",))
        yield Matrix("fc2_latent_proj", (hidden,), width, modules=("mixer.fc2_latent_proj",))
    width = width or hidden
    yield Matrix("experts.w13", up, width, Split.COLUMN, gate_up, copies=experts)
    yield Matrix("experts.w2", (width,), inner, Split.ROW, (f"{one}.down_proj",), copies=experts)
    if arch.expert_bias:
        yield Matrix("experts.w13_bias", (inner, inner), 1, Split.COLUMN, copies=experts)
        yield Matrix("experts.w2_bias", (hidden,), 1, copies=experts)
    if arch.shared_width:
        yield from _feed_forward(arch, "mlp.shared_experts", arch.shared_width)
    if arch.shared_expert_gate:
        yield Matrix("shared_expert_gate", (1,), hidden)


def prediction_layer(arch: Architecture) -> Iterator[Matrix]:
    """Yield the parameters of one multi-token-prediction layer as the checkpoint stores it."""
    hidden, number = arch.hidden_size, arch.num_hidden_layers
    yield from decoder_layer(arch, number)
    yield vector("enorm", hidden)
    yield vector("hnorm", hidden)
    if arch.compressed:  # DeepSeek V4: vllm/models/deepseek_v4/nvidia/mtp.py
        for name in ("e_proj", "h_proj"):
            yield _stored(arch, number, Matrix(name, (hidden,), hidden, modules=(name,)))
        yield from hyper_head(arch)
    else:
        yield Matrix("eh_proj", (hidden,), 2 * hidden)
    yield vector("shared_head.norm", hidden)
    if not arch.prediction_tables:
        return
    yield embedding(arch)
    yield Matrix("shared_head.head", (arch.vocab_size,), hidden, Split.VOCABULARY)


def draft_model(arch: Architecture) -> Iterator[Matrix]:
    """Yield the parameters of DSpark (vllm/models/deepseek_v4/nvidia/dspark.py); none for a model without."""
    hidden, number, rank = arch.hidden_size, arch.num_hidden_layers, arch.dspark_markov_rank
    if not rank:
        return
    layers = len(arch.dspark_target_layer_ids)
    for layer in range(layers):
        yield from decoder_layer(arch, number + layer)
    yield _stored(arch, number, Matrix("main_proj", (hidden,), layers * hidden, modules=("main_proj",)))
    yield vector("main_norm", hidden)
    yield vector("norm", hidden)
    yield from hyper_head(arch)
    yield Matrix("markov_head", (arch.vocab_size, arch.vocab_size), rank)
    yield Matrix("confidence_head", (1,), hidden + rank)


def _feed_forward(arch: Architecture, module: str, inner: int) -> Iterator[Matrix]:
    hidden, gate_up = arch.hidden_size, (f"{module}.gate_proj", f"{module}.up_proj")
    parts = (inner, inner) if arch.gated_feed_forward else (inner,)
    yield Matrix("gate_up_proj", parts, hidden, Split.COLUMN, gate_up)
    yield Matrix("down_proj", (hidden,), inner, Split.ROW, (f"{module}.down_proj",))
