"""Models outside the catalog, described by the config.json and the weight files of their folder."""

import json

import pytest
import yaml

from inferfleet.catalog import (
    CatalogError,
    UnsupportedModelError,
    load_model,
    read_model,
)
from inferfleet.catalog.loader import FOLDER
from inferfleet.catalog.quantization import read_quantization
from inferfleet.planner.weights import checkpoint_bytes

CONFIG = {
    "architectures": ["Qwen2ForCausalLM"],
    "hidden_size": 1536,
    "intermediate_size": 8960,
    "num_hidden_layers": 28,
    "num_attention_heads": 12,
    "num_key_value_heads": 2,
    "vocab_size": 151936,
    "max_position_embeddings": 131072,
    "torch_dtype": "bfloat16",
}


NVFP4 = {"num_bits": 4, "type": "float", "group_size": 16}


def test_model_from_config_json(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    model = read_model(tmp_path)
    assert model.architecture == load_model("deepseek-r1-distill-qwen-1.5b").architecture
    assert model.checkpoints[0].tensor_bytes == 3_554_176_000
    assert read_model(tmp_path / "config.json") == load_model(str(tmp_path)) == model


def test_config_json_without_vision_encoder(tmp_path):
    text = CONFIG | {"num_local_experts": 128, "num_experts_per_tok": 1, "intermediate_size_mlp": 16384}
    config = {"architectures": ["Llama4ForConditionalGeneration"], "model_type": "llama4", "text_config": text}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert read_model(tmp_path).architecture.vision is None


@pytest.mark.parametrize(
    ("total", "used"),
    [
        (3_600_000_000, 3_600_000_000),  # a quantization may skip other layers than assumed
        (7_108_352_000, 3_554_176_000),  # DeepSeek-R1's counts two bytes for each FP8 weight
        (1_000, 3_554_176_000),
    ],
)
def test_size_from_index(tmp_path, total, used):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": total}}))
    [checkpoint] = read_model(tmp_path).checkpoints
    assert (checkpoint.tensor_bytes, checkpoint.indexed_bytes) == (used, total)


def test_size_from_safetensors_headers(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    for name, size in (("a", 100), ("b", 50)):
        header = json.dumps(
            {"__metadata__": {}, "w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}
        ).encode()
        (tmp_path / f"{name}.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(size))
    # An index may be wrong, as that of DeepSeek-R1 is.
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": 300}}))
    assert read_model(tmp_path).checkpoints[0].tensor_bytes == 150


@pytest.mark.parametrize(
    ("change", "tokenizer", "needed"),
    [
        ({}, None, False),
        ({"model_type": "qwen2"}, {}, False),
        ({"model_type": "qwen2", "auto_map": {"AutoConfig": "c.C"}}, {}, False),  # engines know this type themselves
        ({"model_type": "own"}, None, True),
        ({}, {"auto_map": {"AutoTokenizer": ["tokenization_own.Own", None]}}, True),
    ],
)
def test_code_of_the_checkpoint(tmp_path, change, tokenizer, needed):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG | change))
    if tokenizer is not None:
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    assert read_model(tmp_path).trust_remote_code == needed


@pytest.mark.parametrize(
    ("settings", "quantized", "not_quantized"),
    [
        ({}, ["model.layers.0.mlp.gate_proj"], []),
        ({"ignore": ["re:.*self_attn.*"]}, ["model.layers.0.mlp.up_proj"], ["model.layers.0.self_attn.o_proj"]),
        ({"ignore": ["model.layers.1.mlp.up_proj"]}, ["model.layers.11.mlp.up_proj"], ["model.layers.1.mlp.up_proj"]),
        ({"modules_to_not_convert": ["gate"]}, ["model.layers.0.mlp.gate_proj"], ["model.layers.0.mlp.gate"]),
        ({"modules_to_not_convert": None}, ["model.layers.0.mlp.gate_proj"], []),
        (
            {"dynamic": {"-:.*attn.*": {}, "+:.*": {}}},
            ["model.layers.0.mlp.up_proj"],
            ["model.layers.0.self_attn.q_proj"],
        ),
        (
            {"config_groups": {"group_0": {"targets": ["re:.*mlp.experts.*"], "weights": {}}}},
            ["model.layers.0.mlp.experts.0.up_proj"],
            ["model.layers.0.mlp.shared_experts.up_proj"],
        ),
    ],
)
def test_quantized_modules(settings, quantized, not_quantized):
    read = read_quantization(settings)
    assert all(map(read.quantizes, quantized))
    assert not any(map(read.quantizes, not_quantized))


@pytest.mark.parametrize(
    ("settings", "size", "zero_points"),
    [
        ({"bits": 4, "group_size": 64}, 64, True),
        ({"bits": 4, "group_size": -1}, 0, True),
        ({"w_bit": 4, "q_group_size": 32}, 32, True),
        ({"config_groups": {"g": {"weights": {"num_bits": 4, "group_size": 32, "symmetric": True}}}}, 32, False),
        ({"config_groups": {"g": {"weights": {"num_bits": 4, "group_size": None, "symmetric": False}}}}, 0, True),
    ],
)
def test_quantization_groups(settings, size, zero_points):
    read = read_quantization(settings)
    assert (read.group_size, read.zero_points) == (size, zero_points)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"architectures": ["GPT2LMHeadModel"]},
            "the planner does not know architecture GPT2LMHeadModel",
        ),
        ({"architectures": None}, "architectures is None"),
        ({"hidden_size": None}, "hidden_size: it is missing"),
        ({"architectures": ["GptOssForCausalLM"]}, "has layers of type sliding_attention but no sliding_window"),
        (
            {"architectures": ["GptOssForCausalLM"], "layer_types": ["own"] * 28},
            "layer_types.0: it is not one of full_attention",
        ),
        ({"architectures": ["GptOssForCausalLM"], "layer_types": ["full_attention"]}, "has 1 layer_types, but"),
        ({"hidden_size": "wide"}, "hidden_size: it is not an integer"),
        ({"num_key_value_heads": 5}, "num_attention_heads that num_key_value_heads does not divide"),
        ({"torch_dtype": "int3"}, "torch_dtype is 'int3'"),
        ({"quantization_config": {"quant_method": "magic"}}, "quant_method 'magic', which is not supported"),
        (
            {"quantization_config": {"quant_method": "modelopt", "config_groups": {"g": {"weights": NVFP4}}}},
            "quant_method 'modelopt', which is not supported",
        ),
        (
            {"quantization_config": {"quant_method": "fp8", "ignored_layers": ["re:("]}},
            "quantization_config has pattern 're:(', which is not a regular expression",
        ),
    ],
)
def test_unsupported_configs(tmp_path, change, message):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG | change))
    with pytest.raises(CatalogError) as refused:
        read_model(tmp_path)
    assert f"File {tmp_path / 'config.json'}: " in str(refused.value)
    assert message in str(refused.value)


R1_CONFIG = {
    **yaml.safe_load((FOLDER / "models" / "deepseek-r1.yml").read_text())["architecture"],
    "architectures": ["DeepseekV3ForCausalLM"],
    "torch_dtype": "bfloat16",
}
EXCLUDED = [
    *("lm_head", "*self_attn.q_a_proj*", "*self_attn.q_b_proj", "*self_attn.kv_a_proj_with_mqa*"),
    *("model.layers.*.self_attn.kv_b_proj", "model.layers.61*"),
]


@pytest.mark.parametrize("separate", [True, False])
def test_quantization_of_modelopt(tmp_path, separate):
    stated = {"quant_algo": "NVFP4", "group_size": 16}
    config = R1_CONFIG
    if separate:
        own = {"producer": {"name": "modelopt"}, "quantization": {**stated, "exclude_modules": EXCLUDED}}
        (tmp_path / "hf_quant_config.json").write_text(json.dumps(own))
    else:
        config = config | {"quantization_config": {"quant_method": "modelopt", **stated, "ignore": EXCLUDED}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    model = read_model(tmp_path)
    [checkpoint] = model.checkpoints
    assert (checkpoint.precision, checkpoint.method) == ("nvfp4", "modelopt_fp4")
    assert checkpoint.tensor_bytes == 413_306_637_312  # as nvidia/DeepSeek-R1-NVFP4-v2 in the catalog
    assert not model.architecture.quantization.quantizes("model.layers.61.mlp.experts.0.up_proj")


@pytest.mark.parametrize(
    ("algorithm", "size"),
    [
        # 28 layers with a byte for each of 46,792,704 weights instead of two, and 4 bytes for a scale of each block:
        # (1536 × 1536 + 2 × 1536 × 256 + 1536 × 1536 + 3 × 1536 × 8960) / 128²
        ("FP8", 2_244_300_160),
        ("FP8_PB_WO", 2_244_300_160),
        ("MIXED_PRECISION", None),
    ],
)
def test_other_algorithms_of_modelopt(tmp_path, algorithm, size):
    own = {"quantization": {"quant_algo": algorithm, "exclude_modules": ["lm_head"]}}
    (tmp_path / "hf_quant_config.json").write_text(json.dumps(own))
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    if size is None:
        with pytest.raises(UnsupportedModelError, match=r"quant_algo 'MIXED_PRECISION', which is not supported"):
            read_model(tmp_path)
        return
    model = read_model(tmp_path)
    [checkpoint] = model.checkpoints
    assert (checkpoint.precision, checkpoint.method, checkpoint.tensor_bytes) == ("fp8", "modelopt", size)
    assert model.architecture.quantization.blocks == (algorithm == "FP8_PB_WO")


def test_weights_of_an_unknown_architecture_are_reported(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG | {"architectures": ["OwnForCausalLM"]}))
    header = json.dumps({"w": {"dtype": "U8", "shape": [3 << 30], "data_offsets": [0, 3 << 30]}}).encode()
    with (tmp_path / "model.safetensors").open("wb") as stream:
        stream.write(len(header).to_bytes(8, "little") + header)
    with pytest.raises(CatalogError, match=r"OwnForCausalLM\. The weights have 3\.0 GiB; their KV cache is not known"):
        read_model(tmp_path)


@pytest.mark.parametrize(
    ("change", "layer"),
    [
        ({}, 114_824_338),  # (3 GiB − 2 tables × 1000 × 1536 × 2 bytes) / 28 layers
        ({"tie_word_embeddings": True}, 114_934_052),
        ({"text_config": {**CONFIG, "num_hidden_layers": 14, "vocab_size": 1000}}, 229_648_676),
    ],
)
def test_assumed_layers_of_an_unknown_architecture(tmp_path, change, layer):
    config = {**CONFIG, "architectures": ["OwnForCausalLM"], "vocab_size": 1000, **change}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": 3 << 30}}))
    model = read_model(tmp_path, kv_bytes_per_token=1001)
    layers = model.architecture.num_hidden_layers
    assert model.architecture.assumed.weight_bytes == layer
    assert model.architecture.assumed.kv_bytes == -(-1001 // layers)
    assert model.checkpoints[0].tensor_bytes == 3 << 30
    assert checkpoint_bytes(model.architecture, "bf16") == pytest.approx(3 << 30, rel=1e-4)


@pytest.mark.parametrize(
    ("settings", "needed"),
    [({}, False), ({"auto_map": {"AutoConfig": "configuration_own.OwnConfig"}}, True)],
)
def test_code_of_an_unknown_architecture(tmp_path, settings, needed):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG | {"architectures": ["OwnForCausalLM"]} | settings))
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": 3 << 30}}))
    assert read_model(tmp_path, kv_bytes_per_token=1).trust_remote_code == needed


def test_an_unknown_architecture_must_state_its_size(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["OwnForCausalLM"], "hidden_size": 8}))
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": 3 << 30}}))
    with pytest.raises(UnsupportedModelError, match=r"does not state num_hidden_layers, num_attention_heads, vocab"):
        read_model(tmp_path, kv_bytes_per_token=1)


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00", b"\x05\x00\x00\x00\x00\x00\x00\x00hello", b"", b"\x02\0\0\0\0\0\0\0[]"]
)
def test_invalid_safetensors_files(tmp_path, content):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(CatalogError, match=r"model\.safetensors"):
        read_model(tmp_path)


@pytest.mark.parametrize(
    ("quantization", "precision"),
    [
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8"),
        ({"quant_method": "awq", "bits": 4}, "int4"),
        ({"quant_method": "gptq", "bits": 8}, "int8"),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {"group_0": {"weights": {"num_bits": 8, "type": "int"}}},
            },
            "int8",
        ),
        (
            {
                "quant_method": "compressed-tensors",
                "config_groups": {"group_0": {"weights": {"num_bits": 8, "type": "float"}}},
            },
            "fp8",
        ),
    ],
)
def test_precision_of_quantized_configs(tmp_path, quantization, precision):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG | {"quantization_config": quantization}))
    assert read_model(tmp_path).checkpoints[0].precision == precision
