"""Compressed attention: parameters and caches of DeepSeek V4, against vLLM's own code and published sizes."""

from pathlib import Path

import pytest
import yaml

from inferfleet.catalog.architecture import InvalidArchitectureError, architecture_from_config
from inferfleet.engines.layout import Layout
from inferfleet.planner.cache import cache_tokens
from inferfleet.planner.layouts import Rules, divisibility
from inferfleet.planner.limits import Limits
from inferfleet.planner.memory import budget
from inferfleet.planner.modules import decoder_layer
from inferfleet.planner.weights import checkpoint_bytes, stage_weights

FOLDER = Path(__file__).parents[2] / "fixtures" / "models"
FILES = {name: f"deepseek-v4-{name}.yml" for name in ("flash", "flash-0731", "pro-0813")}
GIB = 1 << 30


def read(name, **changes):
    return architecture_from_config(yaml.safe_load((FOLDER / FILES[name]).read_text())["config"] | changes)


def limits(length, **changes):
    return Limits(length, 256, 8192, 0.9, 2, **changes)


def stored(arch, layer):
    return sum(sum(matrix.sizes("fp8", 2)) for matrix in decoder_layer(arch, layer))


# Files of DeepSeek-V4-Flash-0731 that hold one layer each: their sizes without 110 bytes of header for each tensor.
@pytest.mark.parametrize(("layer", "size", "tensors"), [(0, 3566321192, 1565), (2, 3596229272, 1576)])
def test_a_layer_is_as_large_as_its_file(layer, size, tensors):
    assert stored(read("flash-0731"), layer) == pytest.approx(size - tensors * 110, abs=1000)


def test_kinds_of_layers():
    arch = read("pro-0813")
    kinds = [layer.attention for layer in arch.layers]
    assert kinds[:3] == ["heavily_compressed_attention"] * 2 + ["compressed_sparse_attention"]
    assert [layer.indexer for layer in arch.layers].count(True) == 30
    assert [layer.hashed for layer in arch.layers].count(True) == 3
    assert arch.layer(61).attention == "sliding_attention"


def test_a_draft_model_takes_the_place_of_the_prediction_layer():
    plain, drafted = read("flash"), read("flash-0731")
    assert (plain.num_nextn_predict_layers, drafted.num_nextn_predict_layers) == (1, 0)
    # Three layers, the projection of three hidden states, two tables of the Markov head and its confidence.
    main = 4096 * 12288 + 32 * 96 + 2 * 4096 * 2 + (4 * 16384 + 5) * 4
    tables = 2 * 129280 * 256 * 2 + (4096 + 256) * 2
    model = checkpoint_bytes(plain, "fp8", prediction_layers=False)
    assert checkpoint_bytes(drafted, "fp8") - model == 3 * stored(drafted, 43) + main + tables
    assert checkpoint_bytes(drafted, "fp8", prediction_layers=False) == model


def test_experts_of_other_precisions():
    blocks = {"quant_method": "fp8", "weight_block_size": [128, 128]}
    experts = 44 * 256 * 3 * 4096 * 2048
    fp4 = checkpoint_bytes(read("flash"), "fp8")
    nvfp4 = checkpoint_bytes(read("flash", quantization_config=blocks | {"moe_quant_algo": "NVFP4"}), "fp8")
    assert nvfp4 - fp4 == experts // 32  # a scale for 16 weights instead of 32
    fp8 = checkpoint_bytes(read("flash", expert_dtype="fp8"), "fp8")
    assert fp8 - fp4 == pytest.approx(experts * (1 + 4 / 128**2 - 0.5 - 1 / 32), rel=1e-3)


# Blocks and sequences in 40 GiB, as vLLM 0.32.0 computes them from the layers' specifications: get_kv_cache_groups,
# get_kv_cache_config_from_groups and get_max_concurrency_for_kv_cache_config of vllm/v1/core/kv_cache_utils.py.
@pytest.mark.parametrize(
    ("name", "length", "concurrency"),
    [
        ("flash", 1048576, 3.975969567637781),
        ("flash", 131072, 5.956769530164026),
        ("pro-0813", 1048576, 2.7750046390796066),
        ("pro-0813", 131072, 4.157492354740061),
    ],
)
def test_concurrency_is_that_of_vllm(name, length, concurrency):
    arch = read(name)
    for tensor in (1, 8):  # every rank has all of it
        tokens, computed = cache_tokens(arch, Layout(tensor), limits(length), arch.layers, 40 * GIB)
        assert computed == concurrency
        assert tokens == int(concurrency * length)


def test_cache_of_a_sequence():
    arch = read("flash")
    entries = 21 * 37440 + 20 * 1728 + 21 * 8640  # pages of 64 and 2 entries and of the indexer, multiples of 576 bytes
    flight = 2 * 8192
    windows = 2 * (-(-(127 + flight) // 64) + 1)
    states = -(-(7 + flight) // 4) + 1 + -(-(127 + flight) // 8) + 1
    needed = 1048576 // 256 + windows + states
    assert cache_tokens(arch, Layout(8), limits(1048576), arch.layers, 10 * GIB)[1] == 10 * GIB // entries / needed


def test_groups_of_heads_limit_tensor_parallelism():
    assert not divisibility(read("flash"), "fp8", Layout(8), Rules())
    assert [refusal.code for refusal in divisibility(read("flash"), "fp8", Layout(16), Rules())]
    assert not divisibility(read("pro-0813"), "fp8", Layout(8), Rules())


def test_ranks_hold_their_share_of_the_experts():
    arch = read("pro-0813")
    experts = 61 * 384 * 3 * 7168 * 3072 * (0.5 + 1 / 32)
    model = checkpoint_bytes(arch, "fp8", prediction_layers=False)
    held = stage_weights(arch, "fp8", Layout(8))[0]
    assert experts / 8 < held < experts / 8 + (model - experts)


# vllm-project/recipes, models/deepseek-ai, vram_minimum_gb: 200 for Flash, 960 for Pro. H200, B200, H100 and A100-40G.
@pytest.mark.parametrize(
    ("name", "ranks", "mib", "fits"),
    [
        ("flash", 4, 143167, True),
        ("flash", 4, 40441, False),
        ("pro-0813", 8, 182642, True),
        ("pro-0813", 8, 81079, False),
    ],
)
def test_memory_that_recipes_require(name, ranks, mib, fits):
    assert budget(read(name), "fp8", Layout(ranks), limits(131072), mib << 20).fits == fits


@pytest.mark.parametrize("key", ["compress_ratios", "o_groups", "sliding_window"])
def test_missing_parameter(key):
    with pytest.raises(InvalidArchitectureError):
        read("flash", **{key: None})


def test_unknown_ratio():
    with pytest.raises(InvalidArchitectureError):
        read("flash", compress_ratios=[2] * 44)
