"""Exact sizes of checkpoints, and of weights per rank."""

import pytest

from inferfleet.catalog import load_model, load_models
from inferfleet.catalog.architecture import architecture_from_config
from inferfleet.engines.layout import Layout
from inferfleet.planner.cache import kv_bytes_per_token
from inferfleet.planner.layouts import Rules, divisibility
from inferfleet.planner.matrix import Matrix, Split
from inferfleet.planner.modules import decoder_layer
from inferfleet.planner.weights import allocated, checkpoint_bytes, layers_per_stage, stage_weights

MIB = 2**20
R1 = load_model("deepseek-r1").architecture

# Sums over the safetensors headers of the published files.
PUBLISHED = {
    ("deepseek-r1", "fp8"): 688_574_839_360,
    ("deepseek-r1-distill-qwen-1.5b", "bf16"): 3_554_176_000,
    ("deepseek-r1-distill-qwen-7b", "bf16"): 15_231_233_024,
    ("deepseek-r1-distill-qwen-14b", "bf16"): 29_540_067_328,
    ("deepseek-r1-distill-qwen-32b", "bf16"): 65_527_752_704,
    ("deepseek-r1-distill-llama-8b", "bf16"): 16_060_522_496,
    ("deepseek-r1-distill-llama-70b", "bf16"): 141_107_412_992,
}


@pytest.mark.parametrize(("name", "precision"), PUBLISHED)
def test_checkpoint_bytes_are_exact(name, precision):
    assert checkpoint_bytes(load_model(name).architecture, precision) == PUBLISHED[name, precision]


def test_bf16_checkpoint_except_router_bias():
    # unsloth stores the routers' biases in 16 bits; 58 layers and the prediction layer have 256 each.
    assert checkpoint_bytes(R1, "bf16") - 59 * 256 * 2 == 1_368_979_691_008


def test_prediction_layer_bytes_are_exact():
    without = checkpoint_bytes(R1, "fp8", prediction_layers=False)
    assert checkpoint_bytes(R1, "fp8") - without == 15_424_227_552


@pytest.mark.parametrize("name", load_models())
def test_catalog_sizes_match_architectures(name):
    model = load_model(name)
    for checkpoint in model.checkpoints:
        predicted = name != "tiny-r1" and checkpoint.prediction_layers
        stored = model.stored_as(checkpoint).architecture
        computed = checkpoint_bytes(stored, checkpoint.precision, prediction_layers=predicted)
        assert checkpoint.tensor_bytes == pytest.approx(computed, rel=1e-6)
        assert checkpoint.bytes >= checkpoint.tensor_bytes


# Memory that the model's recipe requires at least, in GB (vllm-project/recipes, models/*.yaml, vram_minimum_gb): the
# weights, and up to half as much again.
RECIPES = {
    "deepseek-v3.1": {"fp8": 805},
    "deepseek-v3.2": {"fp8": 805},
    "deepseek-v4-flash": {"fp8": 200},
    "deepseek-v4-flash-0731": {"fp8": 200},
    "deepseek-v4-pro": {"fp8": 960},
    "deepseek-v4-pro-0813": {"fp8": 960},
    "mistral-large-3-675b-instruct-2512": {"fp8": 810},
    "kimi-k2-instruct": {"fp8": 1200},
    "kimi-k2-thinking": {"int4": 600},
    "kimi-k2.5": {"int4": 714},
    "glm-4.5": {"bf16": 859, "fp8": 430},
    "glm-4.6": {"bf16": 857, "fp8": 428},
    "qwen3-8b": {"bf16": 20},
    "qwen3-30b-a3b": {"bf16": 74},
    "qwen3-32b": {"bf16": 77, "fp8": 39},
    "qwen3-235b-a22b-instruct-2507": {"bf16": 564, "fp8": 240},
    "qwen3-coder-480b-a35b-instruct": {"bf16": 1152, "fp8": 576},
    "qwen3-next-80b-a3b-instruct": {"bf16": 192, "fp8": 96},
    "gpt-oss-20b": {"mxfp4": 16},
    "gpt-oss-120b": {"mxfp4": 96},
    "minimax-m2": {"fp8": 276},
    "llama-3.3-70b-instruct": {"bf16": 170},
    "llama-4-scout": {"bf16": 262},
}


@pytest.mark.parametrize("name", RECIPES)
def test_sizes_agree_with_recipes(name):
    sizes = {checkpoint.precision: checkpoint.tensor_bytes for checkpoint in load_model(name).checkpoints}
    for precision, least in RECIPES[name].items():
        assert sizes[precision] < least * 1e9 < 1.5 * sizes[precision]


@pytest.mark.parametrize(
    ("layers", "stages", "expected"),
    [(61, 2, [31, 30]), (61, 4, [15, 15, 16, 15]), (64, 2, [32, 32]), (28, 1, [28]), (7, 4, [1, 2, 2, 2])],
)
def test_layers_per_stage(layers, stages, expected):
    if (layers, stages) == (7, 4):
        expected = [2, 2, 2, 1]
    assert layers_per_stage(layers, stages) == expected


def test_tensor_parallelism_splits_and_replicates():
    layer = {m.name: m for m in decoder_layer(R1, 3)}
    rank = {name: m.on_rank(8) for name, m in layer.items()}
    for name in ("q_b_proj", "kv_b_proj", "o_proj", "experts.w13", "experts.w2", "gate_up_proj", "down_proj"):
        assert rank[name].elements * 8 == layer[name].elements
    for name in ("fused_qkv_a_proj", "gate", "kv_a_layernorm", "input_layernorm"):
        assert rank[name].elements == layer[name].elements


def test_expert_parallelism_divides_experts_not_their_widths():
    experts = next(m for m in decoder_layer(R1, 3) if m.name == "experts.w13")
    rank = experts.on_rank(8, experts_divided=True)
    assert (rank.copies, rank.parts) == (32, experts.parts)
    one = stage_weights(R1, "fp8", Layout(8, 1, 1, expert_parallel=True))[0]
    assert one == pytest.approx(stage_weights(R1, "fp8", Layout(8))[0], rel=0.01)


def test_key_value_heads_are_shared_when_there_are_fewer_than_ranks():
    projection = Matrix("qkv_proj", (1536, 256, 256), 1536, Split.COLUMN, kv_heads=2)
    assert projection.on_rank(2).parts == (768, 128, 128)
    assert projection.on_rank(4).parts == (384, 128, 128)
    qwen = load_model("deepseek-r1-distill-qwen-1.5b").architecture
    assert kv_bytes_per_token(qwen, Layout(2), 2) == kv_bytes_per_token(qwen, Layout(4), 2) == 2 * 128 * 2


def test_latent_attention_caches_the_same_on_every_rank():
    assert {kv_bytes_per_token(R1, Layout(n), 2) for n in (1, 2, 8, 16)} == {(512 + 64) * 2}
    assert kv_bytes_per_token(R1, Layout(8), 1) == 576


def test_embedding_and_head_are_on_the_first_and_last_stage():
    llama = load_model("deepseek-r1-distill-llama-70b").architecture
    table = 128_256 * 8192 * 2
    stages = stage_weights(llama, "bf16", Layout(1, 4))
    assert stages[0] - stages[1] == pytest.approx(table, abs=2 * MIB)
    assert stages[3] - stages[1] == pytest.approx(table, abs=2 * MIB)


def test_prediction_layer_is_loaded_by_the_last_stage_only():
    plain, drafting = (stage_weights(R1, "fp8", Layout(8, 2), prediction_layers=n) for n in (0, 1))
    assert drafting[0] == plain[0]
    # Embedding and head are shared with the model's own; the projection of two hidden states is on every rank.
    tables, projection = 2 * 129_280 * 7168 * 2, 2 * 7168 * 7168 * 2
    expected = (15_424_227_552 - tables - projection) / 8 + projection
    assert drafting[1] - plain[1] == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (1, 512),
        (513, 1024),
        (5 * MIB, 5 * MIB),
        (11 * MIB, 12 * MIB),
        (10 * MIB + 512, 10 * MIB + 512),  # the rest of its segment is split off
        (31 * MIB + MIB // 2, 32 * MIB),
        (259 * MIB, 260 * MIB),
    ],
)
def test_allocations_are_rounded_as_pytorch_does(size, expected):
    assert allocated(size) == expected


KIMI = {
    "architectures": ["DeepseekV3ForCausalLM"],
    "num_hidden_layers": 61,
    "hidden_size": 7168,
    "num_attention_heads": 64,
    "num_key_value_heads": 64,
    "intermediate_size": 18432,
    "vocab_size": 163840,
    "max_position_embeddings": 262144,
    "n_routed_experts": 384,
    "n_shared_experts": 1,
    "num_experts_per_tok": 8,
    "moe_intermediate_size": 2048,
    "first_k_dense_replace": 1,
    "kv_lora_rank": 512,
    "q_lora_rank": 1536,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
}
EXPERTS_ONLY = {
    "quant_method": "compressed-tensors",
    "config_groups": {
        "group_0": {
            "targets": ["Linear"],
            "weights": {"num_bits": 4, "type": "int", "group_size": 32, "symmetric": True, "strategy": "group"},
        }
    },
    "ignore": [
        "lm_head",
        "re:.*self_attn.*",
        "re:.*shared_experts.*",
        "re:.*mlp\\.(gate|up|gate_up|down)_proj.*",
    ],
}


def kimi(**quantization):
    return architecture_from_config(KIMI | {"quantization_config": EXPERTS_ONLY | quantization})


def test_only_the_experts_of_kimi_k2_are_quantized():
    routed = 60 * 384 * 3 * 7168 * 2048
    # Of the headers of Kimi-K2-Thinking, less the shapes of its packed tensors and the buffers of the rotary embedding:
    # the experts in groups of 32 with BF16 scales, everything else in BF16.
    assert checkpoint_bytes(kimi(), "int4") == 594_205_920_512 - 60 * 384 * 3 * 8 - 61 * 256
    assert checkpoint_bytes(kimi(), "int4") - routed * (0.5 + 2 / 32) == pytest.approx(23.4e9, rel=0.01)
    assert stage_weights(kimi(), "int4", Layout(8))[0] / 2**30 == pytest.approx(71.1, abs=0.1)


def test_group_size_and_zero_points():
    routed = 60 * 384 * 3 * 7168 * 2048
    groups = {"group_0": {"targets": ["Linear"], "weights": {"num_bits": 4, "group_size": 128, "symmetric": False}}}
    wide = checkpoint_bytes(kimi(config_groups=groups), "int4")
    assert checkpoint_bytes(kimi(), "int4") - wide == pytest.approx(routed * (2 / 32 - 2.5 / 128), rel=1e-6)


def test_layers_that_are_ignored_by_name():
    names = [f"model.layers.{layer}.mlp.experts" for layer in (1, 2)]
    ignored = checkpoint_bytes(kimi(ignore=[*EXPERTS_ONLY["ignore"], *names]), "int4")
    assert ignored - checkpoint_bytes(kimi(), "int4") == 2 * 384 * 3 * 7168 * 2048 * (2 - 0.5 - 2 / 32)


def test_w4a8_has_experts_in_int4_and_the_rest_in_fp8():
    model = load_model("deepseek-r1-0528")
    checkpoint = next(c for c in model.checkpoints if c.method == "w4afp8")
    arch = model.stored_as(checkpoint).architecture
    experts = 58 * 256 * 3 * 7168 * 2048
    others = 688574839360 - 15424227552 - experts - experts // 128**2 * 4  # DeepSeek's, without its prediction layer
    assert checkpoint.tensor_bytes == others + experts // 2 + experts // 128 * 4
    held = stage_weights(arch, "int4", Layout(8))[0]
    assert held - experts // 2 // 8 - experts // 128 * 2 // 8 == pytest.approx(
        stage_weights(model.architecture, "fp8", Layout(8))[0] - (experts + experts // 128**2 * 4) // 8, rel=0.01
    )
    (width,) = divisibility(arch, "int4", Layout(32), Rules())  # 2048 / 32 = 64, and blocks of 128
    assert width.code == "tensor-parallel-indivisible"
