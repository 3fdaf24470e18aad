"""Checkpoints that ModelSlim quantizes for Ascend accelerators."""

import json

import pytest
import yaml

from inferfleet.catalog import UnsupportedModelError, load_model
from inferfleet.catalog.loader import FOLDER
from inferfleet.catalog.modelslim import quantization_config
from inferfleet.planner.estimate import estimate
from inferfleet.settings import Settings

CONFIG = {
    "architectures": ["Qwen3MoeForCausalLM"],
    "model_type": "qwen3_moe",
    "decoder_sparse_step": 1,
    "head_dim": 128,
    "hidden_size": 2048,
    "intermediate_size": 6144,
    "max_position_embeddings": 40960,
    "mlp_only_layers": [],
    "moe_intermediate_size": 768,
    "num_attention_heads": 32,
    "num_experts": 128,
    "num_experts_per_tok": 8,
    "num_hidden_layers": 48,
    "num_key_value_heads": 4,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "vocab_size": 151936,
}


def description(quantized="W8A8_DYNAMIC", layers=48, **more):
    types = {"model_quant_type": quantized, "model.embed_tokens.weight": "FLOAT", "lm_head.weight": "FLOAT"}
    for layer in range(layers):
        prefix = f"model.layers.{layer}"
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            types[f"{prefix}.self_attn.{name}.weight"] = "FLOAT" if name == "o_proj" else quantized
            types[f"{prefix}.self_attn.{name}.weight_scale"] = quantized
        types[f"{prefix}.mlp.gate.weight"] = "FLOAT"
        for expert in range(3):
            for name in ("gate_proj", "up_proj", "down_proj"):
                types[f"{prefix}.mlp.experts.{expert}.{name}.weight"] = quantized
    return types | more


def folder(path, types):
    (path / "config.json").write_text(json.dumps(CONFIG))
    (path / "quant_model_description.json").write_text(json.dumps(types))
    return path


def test_bits_and_modules_are_those_of_the_description(tmp_path):
    model = load_model(str(folder(tmp_path, description())))
    (checkpoint,) = model.checkpoints
    assert (checkpoint.precision, checkpoint.method, checkpoint.vendors) == ("int8", "ascend", ("ascend",))
    quantizes = model.architecture.quantization.quantizes
    assert quantizes("model.layers.7.self_attn.q_proj")
    assert quantizes("model.layers.7.mlp.experts.0.down_proj")
    assert not quantizes("model.layers.7.self_attn.o_proj")
    parameters = 48 * 128 * 3 * 2048 * 768
    assert parameters < checkpoint.tensor_bytes < 1.1 * parameters


def test_plan_is_for_ascend_only(tmp_path):
    path = str(folder(tmp_path, description()))
    plan = estimate(Settings(model=path), "Ascend910B-64G", 1, 0).plan
    assert plan.works, plan.problems
    assert "--quantization ascend" in " ".join(next(iter(plan.nodes.values())).argv)
    assert not estimate(Settings(model=path), "H200-141G", 1, 0).plan.works


def test_prefix_of_a_language_model_in_a_larger_one():
    types = {f"language_model.{name}": kind for name, kind in description(layers=1).items()}
    assert "model.layers.0.self_attn.o_proj" in quantization_config(types)["ignore"]


def test_other_experts_are_left_out():
    types = description(layers=1) | {f"model.layers.1.mlp.experts.{n}.up_proj.weight": "FLOAT" for n in (0, 1, 17)}
    ignored = quantization_config(types)["ignore"]
    assert [name for name in ignored if "experts" in name] == ["model.layers.1.mlp.experts.0.up_proj"]


@pytest.mark.parametrize(
    ("kind", "expected"), [("W8A8", 8), ("W8A8_MIX", 8), ("W8A16", 8), ("W4A8_DYNAMIC", 4), ("W4A16", 4)]
)
def test_bits_of_a_type(kind, expected):
    assert quantization_config(description(kind, layers=1, group_size=256)) | {"ignore": []} == {
        "quant_method": "ascend",
        "bits": expected,
        "group_size": 256,
        "ignore": [],
    }


@pytest.mark.parametrize("types", [{}, {"model_quant_type": "FLOAT", "lm_head.weight": "FLOAT"}, {"a.weight": None}])
def test_file_without_quantized_weights_states_nothing(types, tmp_path):
    assert quantization_config(types) == {}
    assert load_model(str(folder(tmp_path, types))).checkpoints[0].precision == "bf16"


def test_bits_that_no_precision_has_are_refused(tmp_path):
    with pytest.raises(UnsupportedModelError):
        load_model(str(folder(tmp_path, description("W2A8"))))


def test_own_quantization_of_the_config_is_used(tmp_path):
    path = folder(tmp_path, description())
    own = {"quant_method": "fp8", "weight_block_size": [128, 128]}
    (path / "config.json").write_text(json.dumps(CONFIG | {"quantization_config": own}))
    assert load_model(str(path)).checkpoints[0].method == "fp8"


def test_checkpoints_of_the_catalog_are_described_alike():
    for file in (FOLDER / "models").glob("*.yml"):
        for checkpoint in yaml.safe_load(file.read_text())["checkpoints"]:
            if checkpoint.get("method") == "ascend":
                assert (checkpoint["precision"], checkpoint["vendors"]) == ("int8", ["ascend"]), file
