"""Architecture parameters of a model, named as in its `config.json`."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError, model_validator

from inferfleet.catalog.family import SHARED, load_families
from inferfleet.catalog.layers import WITHOUT_ATTENTION, Layer, LayerType
from inferfleet.catalog.quantization import (
    Quantization,
    config_groups,
    mapping,
    modelopt_algorithm,
    read_quantization,
)
from inferfleet.catalog.vision import Vision
from inferfleet.messages import N_, InvalidValueError, reason_of

Precision = Literal["fp32", "bf16", "fp16", "fp8", "int8", "int4", "mxfp4", "nvfp4"]
"""Storage format of the weights of the linear layers."""


_LINEAR = ("num_key_heads", "num_value_heads", "key_head_dim", "value_head_dim", "conv_kernel_dim")
_REQUIRED: dict[LayerType, tuple[str, ...]] = {
    "sliding_attention": ("sliding_window",),
    "chunked_attention": ("attention_chunk_size",),
    "linear_attention": tuple(f"linear_{name}" for name in _LINEAR),
    "parallel_attention": ("mamba_n_heads",),
}
"""Parameters without which layers of a type cannot be."""
_MAMBA = ("mamba_d_head", "mamba_d_state", "mamba_n_groups", "mamba_d_conv")
_ASSUMED = ("hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size", "max_position_embeddings")
"""Parameters that a `config.json` of an unknown architecture must state."""


class UnsupportedArchitectureError(InvalidValueError):
    """A `config.json` that describes a model whose memory the planner cannot compute."""


class UnknownArchitectureError(UnsupportedArchitectureError):
    """A `config.json` that names an architecture the planner does not know."""


class InvalidArchitectureError(UnsupportedArchitectureError):
    """A `config.json` that lacks a parameter of a supported architecture, or has an impossible value."""


class Assumed(BaseModel):
    """What is known of a layer of an architecture that the planner does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weight_bytes: PositiveInt  # of the checkpoint, without embedding and output head
    kv_bytes: PositiveInt  # of a token's KV cache on each rank


class Architecture(BaseModel):
    """Parameters that determine a model's memory and how it can be divided."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    hidden_size: PositiveInt
    intermediate_size: PositiveInt
    num_hidden_layers: PositiveInt
    num_attention_heads: PositiveInt
    num_key_value_heads: PositiveInt
    vocab_size: PositiveInt
    max_position_embeddings: PositiveInt
    head_dim: NonNegativeInt = 0
    tie_word_embeddings: bool = False
    layer_types: tuple[LayerType, ...] = ()  # empty: all have full attention
    sliding_window: NonNegativeInt = 0  # tokens
    attention_chunk_size: NonNegativeInt = 0  # tokens
    rotary_dim: NonNegativeInt = 0  # elements of a head; 0: the share partial_rotary_factor
    partial_rotary_factor: float = Field(default=1.0, gt=0, le=1)

    attention_bias: bool = False  # of the projections of queries, keys and values
    attention_output_bias: bool = False
    attention_sinks: bool = False
    attention_gate: bool = False  # the projection of queries has a gate for every element
    share_q_dim: NonNegativeInt = 0  # rank of the queries of multi-matrix factorization attention; 0: another kind
    qk_norm: bool = False  # queries and keys are normalized: each head, or all together
    joint_qk_norm: bool = False

    # Mixture of experts; 0 experts: a dense model.
    n_routed_experts: NonNegativeInt = 0
    n_shared_experts: NonNegativeInt = 0
    num_experts_per_tok: NonNegativeInt = 0
    moe_intermediate_size: NonNegativeInt = 0
    moe_latent_size: NonNegativeInt = 0  # width in which experts compute; 0: hidden_size
    gated_feed_forward: bool = True  # feed-forward networks and experts have a gate besides the up projection
    first_k_dense_replace: NonNegativeInt = 0  # layers before the first with experts
    decoder_sparse_step: PositiveInt = 1  # every n-th layer has experts
    mlp_only_layers: tuple[int, ...] = ()  # further layers without experts
    shared_expert_intermediate_size: NonNegativeInt = 0  # of all shared experts; 0: that of n_shared_experts
    shared_expert_gate: bool = False
    router_bias: bool = False
    expert_bias: bool = False
    correction_bias_bytes: NonNegativeInt = 0  # of an element of e_score_correction_bias; 0: none

    # Multi-head latent attention; rank 0: ordinary (grouped-query) attention.
    kv_lora_rank: NonNegativeInt = 0
    q_lora_rank: NonNegativeInt = 0
    qk_nope_head_dim: NonNegativeInt = 0
    qk_rope_head_dim: NonNegativeInt = 0
    v_head_dim: NonNegativeInt = 0

    # Sparse attention: an indexer selects the tokens of latent attention; dimension 0: none.
    index_n_heads: NonNegativeInt = 0
    index_head_dim: NonNegativeInt = 0
    index_topk: NonNegativeInt = 0
    index_topk_freq: PositiveInt = 1  # layers that share a selection of tokens, and so one indexer
    index_skip_topk_offset: NonNegativeInt = 2  # layers before the first that shares one

    # Linear attention (gated delta rule).
    linear_num_key_heads: NonNegativeInt = 0
    linear_num_value_heads: NonNegativeInt = 0
    linear_key_head_dim: NonNegativeInt = 0
    linear_value_head_dim: NonNegativeInt = 0
    linear_conv_kernel_dim: NonNegativeInt = 0
    kimi_delta_attention: bool = False  # each channel decays on its own, by gates of low rank
    mamba_ssm_dtype: Literal["bfloat16", "float32"] = "bfloat16"  # of the state, except that of the convolution

    # State space of Mamba-2, in place of linear attention; 0 heads: none.
    mamba_n_heads: NonNegativeInt = 0
    mamba_d_head: NonNegativeInt = 0
    mamba_n_groups: NonNegativeInt = 0
    mamba_d_state: NonNegativeInt = 0
    mamba_d_conv: NonNegativeInt = 0
    mamba_rms_norm: bool = True

    # Compressed attention: each layer keeps one vector of head_dim for a number of tokens, and a window; rank 0: none.
    o_lora_rank: NonNegativeInt = 0
    o_groups: NonNegativeInt = 0  # of heads, whose outputs are projected separately
    hc_mult: NonNegativeInt = 0  # residual streams that hyper-connections mix; 0: an ordinary residual connection
    num_hash_layers: NonNegativeInt = 0  # first layers, where a table selects the experts of a token

    num_nextn_predict_layers: NonNegativeInt = 0  # multi-token-prediction layers
    prediction_tables: bool = True  # whether the checkpoint repeats embedding and output head for each
    dspark_markov_rank: NonNegativeInt = 0  # of DSpark, a draft model in place of prediction layers; 0: none
    dspark_target_layer_ids: tuple[int, ...] = ()  # layers whose output it reads, as many as its own

    shared_norm: bool = False  # attention and feed-forward network read the same normalized input
    sandwich_norms: bool = False  # attention and feed-forward network are also normalized after they are computed

    vision: Vision | None = None
    quantization: Quantization = Quantization()
    assumed: Assumed | None = None  # None: the planner knows the architecture

    @model_validator(mode="before")
    @classmethod
    def _of_family(cls, parameters: Any) -> Any:
        family = load_families().get(parameters.get("name", "")) if isinstance(parameters, dict) else None
        complete = family.complete(parameters) if family else parameters
        if isinstance(complete, dict) and complete.get("dspark_markov_rank"):
            complete["num_nextn_predict_layers"] = 0  # DeepSeek V4's config.json states 1 for both kinds of drafts
        return complete

    @model_validator(mode="after")
    def _complete(self) -> "Architecture":
        if self.assumed is None and self.name not in load_families():
            raise UnsupportedArchitectureError(N_("the planner does not know architecture {value}"), value=self.name)
        if self.layer_types and len(self.layer_types) != self.num_hidden_layers:
            raise InvalidArchitectureError(
                N_("has {count} layer_types, but num_hidden_layers is {layers}"),
                count=len(self.layer_types),
                layers=self.num_hidden_layers,
            )
        if self.compressed and not (self.layer_types and self.o_groups and self.sliding_window and self.q_lora_rank):
            raise InvalidArchitectureError(
                N_("has o_lora_rank but lacks compress_ratios, o_groups, sliding_window or q_lora_rank")
            )
        required = _REQUIRED | (
            {"linear_attention": _MAMBA, "parallel_attention": _MAMBA} if self.mamba_n_heads else {}
        )
        for kind, keys in required.items():
            if kind in self.layer_types and (missing := [key for key in keys if not getattr(self, key)]):
                raise InvalidArchitectureError(
                    N_("has layers of type {kind} but no {missing}"), kind=kind, missing=missing
                )
        if self.n_routed_experts and not (self.moe_intermediate_size and self.num_experts_per_tok):
            raise InvalidArchitectureError(
                N_("has n_routed_experts but no moe_intermediate_size or num_experts_per_tok")
            )
        if self.kv_lora_rank and not (self.qk_nope_head_dim and self.qk_rope_head_dim and self.v_head_dim):
            raise InvalidArchitectureError(
                N_("has kv_lora_rank but lacks qk_nope_head_dim, qk_rope_head_dim or v_head_dim")
            )
        if not self.kv_lora_rank and self.num_attention_heads % self.num_key_value_heads:
            raise InvalidArchitectureError(N_("has num_attention_heads that num_key_value_heads does not divide"))
        return self

    @property
    def mla(self) -> bool:
        """Whether attention is multi-head latent attention."""
        return self.kv_lora_rank > 0

    @property
    def compressed(self) -> bool:
        """Whether attention is compressed attention."""
        return self.o_lora_rank > 0

    @property
    def moe(self) -> bool:
        """Whether the model has experts."""
        return self.n_routed_experts > 0

    @property
    def separate_layers(self) -> bool:
        """Whether a layer has either attention or a feed-forward network, and one norm."""
        return any(kind in WITHOUT_ATTENTION for kind in self.layer_types)

    @property
    def head_size(self) -> int:
        """Width of one attention head (elements)."""
        return self.head_dim or self.hidden_size // self.num_attention_heads

    @property
    def rotary_size(self) -> int:
        """Width of the rotary part of a head (elements)."""
        if self.mla or self.compressed:
            return self.qk_rope_head_dim
        return self.rotary_dim or int(self.head_size * self.partial_rotary_factor)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The decoder layers."""
        return _layers(self)

    def layer(self, number: int) -> Layer:
        """Return decoder layer `number` (from 0), or a multi-token-prediction layer after them."""
        after: LayerType = "sliding_attention" if self.compressed else "full_attention"
        attention = self.layer_types[number] if number < len(self.layer_types) else after
        return Layer(
            attention, self.is_moe_layer(number), self._has_indexer(number), hashed=number < self.num_hash_layers
        )

    def _has_indexer(self, number: int) -> bool:
        if self.compressed:
            return self.layer_types[number : number + 1] == ("compressed_sparse_attention",)
        shares = max(number - self.index_skip_topk_offset + 1, 0) % self.index_topk_freq
        return self.index_head_dim > 0 and (number >= self.num_hidden_layers or not shares)

    def is_moe_layer(self, layer: int) -> bool:
        """Return whether decoder layer `layer` (from 0) has experts."""
        if layer >= self.num_hidden_layers:
            return self.moe
        if self.separate_layers:
            return self.layer_types[layer] == "experts"
        return (
            self.moe
            and layer >= self.first_k_dense_replace
            and (layer + 1) % self.decoder_sparse_step == 0
            and layer not in self.mlp_only_layers
        )

    @property
    def only_experts(self) -> bool:
        """Whether every feed-forward network has experts."""
        return not _has_dense(self)

    @property
    def dense_width(self) -> int:
        """Width of the widest feed-forward network that is not a routed expert (elements); 0 if there is none."""
        return max(self.intermediate_size if _has_dense(self) else 0, self.shared_width)

    @property
    def shared_width(self) -> int:
        """Width of the experts that every token uses (elements); 0 without."""
        return self.shared_expert_intermediate_size or self.n_shared_experts * self.moe_intermediate_size


@cache
def _layers(arch: Architecture) -> tuple[Layer, ...]:
    return tuple(arch.layer(number) for number in range(arch.num_hidden_layers))


@cache
def _has_dense(arch: Architecture) -> bool:
    if arch.separate_layers:
        return "feed_forward" in arch.layer_types
    return not all(layer.experts for layer in arch.layers)


def architecture_from_config(config: Mapping[str, Any]) -> Architecture:
    """Return the architecture a Hugging Face `config.json` describes.

    Raises UnknownArchitectureError, or UnsupportedArchitectureError if a parameter is missing.
    """
    names = config.get("architectures")
    name = names[0] if isinstance(names, list) and names else None
    family = load_families().get(str(name))
    if family is None:
        if not name:
            raise InvalidArchitectureError(N_("architectures is {value}, which names no architecture"), value=names)
        raise UnknownArchitectureError(N_("the planner does not know architecture {value}"), value=name)
    if feature := family.unknown_feature(config):
        raise UnknownArchitectureError(
            N_("the planner does not know architecture {value} with {feature}"), value=name, feature=feature
        )
    return _validated(
        family.complete(family.parameters(config)) | {"name": name, "quantization": _quantization(config)}
    )


def assumed_architecture(config: Mapping[str, Any], tensor_bytes: int, kv_bytes_per_token: int) -> Architecture:
    """Return an architecture that the planner does not know, with this size of its weights and its KV cache.

    Embedding and output head are those that `config.json` states; the layers are assumed to be alike and dense, and to
    be divided among all ranks. Raises UnsupportedArchitectureError if a parameter is missing.
    """
    text = mapping(config.get("text_config")) or config
    numbers = {key: text[key] for key in SHARED if text.get(key) is not None}
    if missing := [key for key in _ASSUMED if not isinstance(numbers.get(key), int) or numbers[key] <= 0]:
        raise UnsupportedArchitectureError(
            N_("the planner does not know architecture {value}, and the file does not state {missing}"),
            value=config["architectures"][0],
            missing=missing,
        )
    layers, tables = numbers["num_hidden_layers"], 1 if numbers.get("tie_word_embeddings") else 2
    others = tensor_bytes - tables * numbers["vocab_size"] * numbers["hidden_size"] * 2
    assumed = Assumed(weight_bytes=max(1, others // layers), kv_bytes=-(-kv_bytes_per_token // layers))
    numbers.setdefault("intermediate_size", 4 * numbers["hidden_size"])
    return _validated(numbers | {"name": config["architectures"][0], "assumed": assumed})


def _validated(numbers: dict[str, Any]) -> Architecture:
    numbers.setdefault("num_key_value_heads", numbers.get("num_attention_heads"))
    try:
        return Architecture.model_validate(numbers)
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:
            raise InvalidArchitectureError("{reason}", reason=reason_of(first)) from None
        raise InvalidArchitectureError(
            N_("{key}: {reason}"), key=".".join(map(str, first["loc"])), reason=reason_of(first)
        ) from None


def _quantization(config: Mapping[str, Any]) -> Quantization:
    settings = config.get("quantization_config")
    if not isinstance(settings, Mapping):
        return Quantization()
    try:
        return read_quantization(settings, config.get("expert_dtype"))
    except ValueError as error:
        raise InvalidArchitectureError(
            N_("quantization_config has pattern {pattern!r}, which is not a regular expression"), pattern=str(error)
        ) from None


def precision_from_config(config: Mapping[str, Any]) -> Precision:
    """Return the precision of the weights that a `config.json` describes."""
    quantization = config.get("quantization_config")
    if isinstance(quantization, Mapping):
        method, bits = str(quantization.get("quant_method", "")), quantization.get("bits")
        if method in ("fp8", "mxfp4"):
            return "fp8" if method == "fp8" else "mxfp4"
        if algorithm := modelopt_algorithm(quantization):
            return _modelopt_precision(algorithm)
        if bits == 4 or method == "awq":
            return "int4"
        if bits == 8 or "int8" in method:
            return "int8"
        kinds = _group_precisions(quantization)
        if len(kinds) == 1 and kinds[0]:
            return kinds[0]
        raise UnsupportedArchitectureError(
            N_("quantization_config has quant_method {method!r}, which is not supported"), method=method
        )
    dtypes: dict[str, Precision] = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}
    dtype = str(config.get("torch_dtype") or config.get("dtype") or "bfloat16")
    if dtype not in dtypes:
        raise UnsupportedArchitectureError(
            N_("torch_dtype is {dtype!r}, which is not one of {kinds}"), dtype=dtype, kinds=list(dtypes)
        )
    return dtypes[dtype]


def _modelopt_precision(algorithm: str) -> Precision:
    if "NVFP4" in algorithm:
        return "nvfp4"
    if algorithm.startswith("FP8"):
        return "fp8"
    raise UnsupportedArchitectureError(
        N_("quantization_config has quant_algo {algorithm!r}, which is not supported"), algorithm=algorithm
    )


def _group_precisions(quantization: Mapping[str, Any]) -> list[Precision | None]:
    """Return the precisions of the groups of compressed-tensors' `config_groups`; None: not supported."""
    known: dict[str, Precision] = {"4 int": "int4", "8 int": "int8", "8 float": "fp8"}
    weights = [mapping(group.get("weights")) for group in config_groups(quantization)]
    return list(dict.fromkeys(known.get(f"{w.get('num_bits')} {w.get('type', 'int')}") for w in weights))
