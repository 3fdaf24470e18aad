"""Families of models: published sizes of checkpoints, and caches of their tokens (tests/fixtures/models)."""

from pathlib import Path

import pytest
import yaml

from inferfleet.catalog.architecture import (
    InvalidArchitectureError,
    UnknownArchitectureError,
    architecture_from_config,
    precision_from_config,
)
from inferfleet.catalog.family import load_families
from inferfleet.engines import load_engines
from inferfleet.engines.layout import Layout
from inferfleet.planner.cache import cache_tokens, index_bytes_per_token, kv_bytes_per_token, state_bytes
from inferfleet.planner.layouts import Rules, divisibility
from inferfleet.planner.limits import Limits
from inferfleet.planner.modules import decoder_layer, embedding, output_head, prediction_layer
from inferfleet.planner.vision import vision_encoder
from inferfleet.planner.weights import checkpoint_bytes, stage_weights

FILES = sorted((Path(__file__).parents[2] / "fixtures" / "models").glob("*.yml"))
MODELS = {file.stem: yaml.safe_load(file.read_text()) for file in FILES}
IN_CATALOG = {"LlamaForCausalLM", "Qwen2ForCausalLM", "DeepseekV3ForCausalLM"}


def read(name, **changes):
    return architecture_from_config(MODELS[name]["config"] | changes)


def parameters(arch):
    layers = [matrix for number in range(arch.num_hidden_layers) for matrix in decoder_layer(arch, number)]
    predicted = [matrix for _ in range(arch.num_nextn_predict_layers) for matrix in prediction_layer(arch)]
    others = (embedding(arch), *output_head(arch), *vision_encoder(arch))
    return sum(matrix.elements for matrix in (*layers, *predicted, *others))


def limits(length, **changes):
    return Limits(length, 256, 8192, 0.9, 2, **changes)


@pytest.mark.parametrize("name", MODELS)
def test_tensor_bytes(name):
    known = MODELS[name]
    assert checkpoint_bytes(read(name), precision_from_config(known["config"])) == known["tensor_bytes"]


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if "parameters" in model])
def test_published_parameters(name):
    known = MODELS[name]
    assert parameters(read(name)) + known.get("scales", 0) == known["parameters"]


@pytest.mark.parametrize("name", MODELS)
def test_cache_of_a_token(name):
    arch = read(name)
    for tensor, size in MODELS[name]["kv_bytes"].items():
        layers = sum(kind != "linear_attention" for layer in arch.layers for kind in layer.caches)
        indexers = sum(layer.indexer for layer in arch.layers)
        token = kv_bytes_per_token(arch, Layout(tensor), 2) * layers + index_bytes_per_token(arch) * indexers
        assert token == size


@pytest.mark.parametrize("name", MODELS)
def test_layouts_hold_the_entire_checkpoint(name):
    arch, precision = read(name), precision_from_config(MODELS[name]["config"])
    total = MODELS[name]["tensor_bytes"]
    for layout in (Layout(4), Layout(2, 2), Layout(1, 4)):
        if not divisibility(arch, precision, layout, Rules()):
            held = sum(stage_weights(arch, precision, layout, prediction_layers=arch.num_nextn_predict_layers))
            assert held * layout.tensor_parallel_size > 0.9 * total


def test_every_family_has_a_published_model():
    tested = {model["config"]["architectures"][0] for model in MODELS.values()}
    assert load_families().keys() - tested - IN_CATALOG == set()


def test_engines_name_known_architectures():
    for engine in load_engines().values():
        assert set(engine.architectures) <= load_families().keys()
        for version in engine.versions:
            assert set(version.lacks) <= set(engine.architectures)


def test_experts_of_qwen3_in_fp8_blocks_limit_tensor_parallelism():
    blocks = {"quant_method": "fp8", "weight_block_size": [128, 128]}
    arch = read("qwen3-235b-a22b", quantization_config=blocks)
    assert not divisibility(arch, "fp8", Layout(4), Rules())
    assert divisibility(arch, "fp8", Layout(8), Rules())  # 1536 / 8 = 192
    assert not divisibility(arch, "fp8", Layout(8, 1, 1, True), Rules())
    assert not divisibility(read("qwen3-235b-a22b"), "bf16", Layout(8), Rules())


def test_width_of_layers_that_do_not_exist_is_no_limit():
    arch = read("qwen3-235b-a22b", intermediate_size=12289)
    assert not divisibility(arch, "bf16", Layout(4), Rules())


def kinds(arch):
    return tuple(layer.attention for layer in arch.layers)


def test_sliding_windows_and_full_attention_share_the_blocks():
    arch = read("gpt-oss-120b")
    assert kinds(arch)[:3] == ("sliding_attention", "full_attention", "sliding_attention")
    # Two groups of 18 layers with pages of 16 tokens: a sequence of 131072 tokens takes 8192 blocks of the one and
    # those of the window and of two batches of the other.
    needed = 131072 // 16 + -(-(127 + 2 * 8192) // 16) + 1
    size = 10 << 30
    blocks = size // (18 * 16 * 2048)
    tokens, concurrency = cache_tokens(arch, Layout(), limits(131072), arch.layers, size)
    assert concurrency == blocks / needed
    assert tokens == int(blocks / needed * 131072)


def test_widths_of_mxfp4_experts_are_padded():
    arch = read("gpt-oss-120b")
    experts = 36 * 128 * 3 * 2880 * 2880 * (0.5 + 1 / 32)
    padded = 36 * 128 * 3 * 2880 * 384 * (0.5 + 1 / 32)
    others = (65248815744 - experts) / 8
    assert stage_weights(arch, "mxfp4", Layout(8))[0] == pytest.approx(padded + others, rel=0.02)  # also rounded


def test_state_of_linear_attention():
    arch = read("qwen3-next-80b-a3b")
    assert kinds(arch).count("full_attention") == 12
    # "Setting attention block size to 544 tokens", "Padding mamba page size by 1.49%": vLLM's log of this model
    assert state_bytes(arch, Layout()) == (8192 * 3 + 32 * 128 * 128) * 2
    page = 544 * 2 * 2 * 256 * 2
    assert page / state_bytes(arch, Layout()) == pytest.approx(1.0149, abs=1e-4)
    # And of Qwen3.6-27B, whose state is in FP32: "784 tokens"
    large = read("qwen3.6-27b")
    assert -(-state_bytes(large, Layout()) // (16 * 2 * 4 * 256 * 2)) * 16 == 784
    # Four groups of 12 layers; of linear attention a sequence takes two blocks.
    blocks, needed = (20 << 30) // (12 * page), -(-262144 // 544) + 3 * 2
    assert cache_tokens(arch, Layout(), limits(262144), arch.layers, 20 << 30)[1] == blocks / needed


def test_indexer_of_sparse_attention_has_a_cache():
    arch = read("deepseek-v3.2-exp")
    assert (kv_bytes_per_token(arch, Layout(8), 2), index_bytes_per_token(arch)) == (576 * 2, 132)
    assert kv_bytes_per_token(arch, Layout(8), 1) == 656
    size, token = 10 << 30, 61 * (576 * 2 + 132)
    assert cache_tokens(arch, Layout(8), limits(4096), arch.layers, size)[0] == size // (token * 16) * 16
    dense = read("deepseek-v3.2-exp", index_head_dim=None)
    assert checkpoint_bytes(arch, "fp8") - checkpoint_bytes(dense, "fp8") == 62 * (
        64 * 128 * 1536 + 64 * 12 * 4 + 128 * 7168 + 56 * 4 + 64 * 7168 * 2 + 2 * 128 * 2
    )


def test_heads_of_linear_attention_limit_tensor_parallelism():
    arch = read("qwen3-next-80b-a3b", linear_num_key_heads=4)
    assert not divisibility(arch, "bf16", Layout(4), Rules())
    assert divisibility(arch, "bf16", Layout(8), Rules())


def test_stages_of_a_model_with_windows_hold_their_layers():
    arch = read("gpt-oss-120b")
    half = cache_tokens(arch, Layout(1, 2), limits(131072), arch.layers[:18], 5 << 30)[1]
    needed = 131072 // 16 + -(-(127 + 3 * 8192) // 16) + 1
    assert half == (5 << 30) // (9 * 16 * 2048) / needed


def test_chunks_and_full_attention_share_the_blocks():
    arch = read("llama-4-scout")
    assert kinds(arch).count("full_attention") == 12
    needed = 1048576 // 16 + 3 * -(-(8192 + 2 * 8192) // 16)
    blocks = (10 << 30) // (12 * 16 * 4096)
    assert cache_tokens(arch, Layout(), limits(1048576), arch.layers, 10 << 30)[1] == blocks / needed


def test_vision_encoder_limits_tensor_parallelism():
    assert not divisibility(read("llama-4-scout"), "bf16", Layout(4), Rules())
    assert divisibility(read("llama-4-scout"), "bf16", Layout(5), Rules())  # 40 heads of text, 16 of vision


def test_gemma_has_full_attention_in_every_sixth_layer():
    assert [number for number, kind in enumerate(kinds(read("gemma-3-27b"))) if kind == "full_attention"] == [
        *range(5, 62, 6)
    ]


# Sequences of max_model_len tokens in so many GiB, as vLLM 0.32.0 computes them: get_kv_cache_groups,
# get_kv_cache_config_from_groups and get_max_concurrency_for_kv_cache_config of vllm/v1/core/kv_cache_utils.py with the
# specifications of the models' layers, two batches of 8192 tokens in flight, prefix caching.
CONCURRENCY = {
    "gpt-oss-120b": (131072, 10, 1.9733333333333334),
    "gemma-3-27b": (131072, 10, 0.5562949884557925),
    "llama-4-scout": (1048576, 10, 0.19464244981751824),
    "qwen3-next-80b-a3b": (262144, 20, 3.290983606557377),
    "deepseek-v3.2-exp": (163840, 10, 0.83671875),
    "granite-4.0-h-tiny": (131072, 10, 9.468208092485549),
    "falcon-h1-7b": (262144, 20, 1.7823529411764707),
    "nemotron-3-nano-30b-a3b": (262144, 20, 12.440298507462687),
    "kimi-linear-48b-a3b": (1048576, 40, 5.019572953736655),
}


@pytest.mark.parametrize("name", CONCURRENCY)
def test_concurrency_is_that_of_vllm(name):
    length, gib, concurrency = CONCURRENCY[name]
    arch = read(name)
    assert cache_tokens(arch, Layout(), limits(length), arch.layers, gib << 30)[1] == concurrency


def test_state_spaces_divide_heads_and_replicate_a_single_group():
    arch = read("granite-4.0-h-tiny")
    assert state_bytes(arch, Layout()) == (3 * (48 * 64 + 2 * 128) + 48 * 64 * 128) * 2
    assert state_bytes(arch, Layout(4)) == (3 * (48 * 64 // 4 + 2 * 128) + 48 * 64 * 128 // 4) * 2
    assert not divisibility(arch, "bf16", Layout(4), Rules())
    nemotron = read("nemotron-3-nano-30b-a3b")  # 8 groups, 64 heads, state in FP32
    assert state_bytes(nemotron, Layout(8)) == 3 * (4096 + 2 * 8 * 128) // 8 * 2 + 4096 * 128 // 8 * 4
    assert divisibility(nemotron, "bf16", Layout(16), Rules())


def test_layers_of_attention_and_of_experts_are_separate():
    arch = read("nemotron-3-nano-30b-a3b")
    assert [layer.caches for layer in arch.layers[:6]] == [
        ("linear_attention",), (), ("linear_attention",), (), ("linear_attention",), ("full_attention",)
    ]  # fmt: skip
    names = {matrix.name for matrix in decoder_layer(arch, 0)}
    assert "conv1d" in names
    assert "experts.w2" not in names
    assert {matrix.name for matrix in decoder_layer(arch, 1)} >= {"experts.w2", "gate_up_proj"}
    assert not any(matrix.name.startswith("post") for number in range(52) for matrix in decoder_layer(arch, number))


def test_attention_and_state_of_a_layer_have_a_cache_each():
    arch = read("falcon-h1-7b")
    assert {layer.caches for layer in arch.layers} == {("full_attention", "linear_attention")}
    assert divisibility(arch, "bf16", Layout(8), Rules())  # 12 heads of attention
    assert not divisibility(arch, "bf16", Layout(4), Rules())


def test_kimi_delta_attention_keeps_a_state_in_fp32():
    arch = read("kimi-linear-48b-a3b")
    assert kinds(arch)[:4] == ("linear_attention",) * 3 + ("full_attention",)
    assert kinds(arch)[-1] == "full_attention"
    # vllm/model_executor/layers/mamba/mamba_utils.py, kda_state_shape and kda_state_dtype
    assert state_bytes(arch, Layout(4)) == 3 * 4096 // 4 * 3 * 2 + 32 // 4 * 128 * 128 * 4
    assert not divisibility(arch, "bf16", Layout(8), Rules())


@pytest.mark.parametrize(
    "feature",
    [{"mla_use_output_gate": True}, {"linear_attn_config": {"use_full_rank_gate": True}}, {"attn_res_block_size": 12}],
)
def test_features_whose_parameters_are_not_known_are_refused(feature):
    with pytest.raises(UnknownArchitectureError) as refused:
        read("kimi-linear-48b-a3b", **feature)
    assert refused.value.message.parameters["value"] == "KimiLinearForCausalLM"


def test_multi_matrix_factorization_has_the_cache_of_one_head_on_every_rank():
    arch = read("step3")
    experts = [number for number, layer in enumerate(arch.layers) if layer.experts]
    assert experts == [*range(4, 60)]
    assert kv_bytes_per_token(arch, Layout(8), 2) == kv_bytes_per_token(arch, Layout(), 2) == 2 * 256 * 2
    held = {m.name: m.on_rank(8) for m in decoder_layer(arch, 0)}
    assert held["qkv_proj"].elements == 7168 * (2048 + 2 * 256)
    assert held["wq"].elements == 2048 * 64 * 256 // 8


@pytest.mark.parametrize(("stated", "layers_with_experts"), [("", 60), ("one, two", 0), ([7, None], 1)])
def test_entries_that_are_no_number_name_no_layer(stated, layers_with_experts):
    text = MODELS["step3"]["config"]["text_config"] | {"moe_layers_enum": stated}
    layers = read("step3", text_config=text).layers
    assert sum(layer.experts for layer in layers) == layers_with_experts


def test_lists_of_equal_entries_are_one_number():
    arch = read("hunyuan-a13b")
    assert (arch.num_experts_per_tok, arch.n_shared_experts) == (8, 1)
    with pytest.raises(InvalidArchitectureError):
        read("hunyuan-a13b", moe_topk=[8] * 31 + [4])


def test_encoder_that_is_replicated_does_not_limit_tensor_parallelism():
    assert not divisibility(read("intern-s1"), "bf16", Layout(8), Rules())  # its encoder has 25 heads
