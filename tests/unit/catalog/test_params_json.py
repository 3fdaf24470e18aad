"""Models described by Mistral's params.json, and by the config.json of an architecture that is not known."""

import json

import pytest

from inferfleet.catalog import UnsupportedModelError, load_model, read_model
from inferfleet.planner.weights import checkpoint_bytes

# huggingface.co/mistralai/Mistral-Large-3-675B-Instruct-2512
LARGE_3 = {
    "dim": 7168,
    "head_dim": 192,
    "hidden_dim": 16384,
    "kv_lora_rank": 512,
    "max_position_embeddings": 294912,
    "moe": {
        "expert_hidden_dim": 4096,
        "first_k_dense_replace": 3,
        "num_experts": 128,
        "num_experts_per_tok": 4,
        "num_shared_experts": 1,
        "route_every_n": 1,
    },
    "n_heads": 128,
    "n_kv_heads": 128,
    "n_layers": 61,
    "q_lora_rank": 1536,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "quantization_config": {
        "config_groups": {
            "FP8_BLOCK": {"targets": ["Linear"], "weights": {"num_bits": 8, "strategy": "block", "type": "float"}}
        },
        "ignore": ["model.embed_tokens", "re:.*kv_a_proj_with_mqa$", "re:.*q_a_proj$", "re:.*gate$", "lm_head"],
        "quant_method": "compressed-tensors",
    },
    "tied_embeddings": False,
    "v_head_dim": 128,
    "vision_encoder": {
        "hidden_size": 1664,
        "intermediate_size": 8192,
        "num_attention_heads": 16,
        "num_hidden_layers": 48,
        "patch_size": 14,
    },
    "vocab_size": 131072,
}
# huggingface.co/deepseek-ai/DeepSeek-V4.1-Flash, without what the planner does not read
V4_1 = {
    "architectures": ["DeepseekV41ForCausalLM"],
    "model_type": "deepseek_v41",
    "quantization_config": {"quant_method": "fp8", "weight_block_size": [32, 32]},
    "text_config": {
        "hidden_size": 5120,
        "max_position_embeddings": 1048576,
        "num_attention_heads": 64,
        "num_hidden_layers": 40,
        "num_key_value_heads": 1,
        "vocab_size": 129280,
    },
}
V4_1_BYTES = 510286023000  # metadata.total_size of its index


def write_header(file, size):
    header = json.dumps({"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    file.write_bytes(len(header).to_bytes(8, "little") + header)


def test_params_json_describes_the_model_of_the_catalog(tmp_path):
    (tmp_path / "params.json").write_text(json.dumps(LARGE_3))
    model = read_model(tmp_path)
    known = load_model("mistral-large-3-675b-instruct-2512")
    assert model == read_model(tmp_path / "params.json")
    [own], [published] = model.checkpoints, known.checkpoints
    assert (own.precision, own.method, own.tensor_bytes) == ("fp8", "compressed-tensors", published.tensor_bytes)
    assert not model.trust_remote_code


def test_config_json_is_read_before_params_json(tmp_path):
    (tmp_path / "params.json").write_text(json.dumps(LARGE_3))
    (tmp_path / "config.json").write_text(json.dumps(V4_1))
    with pytest.raises(UnsupportedModelError):
        read_model(tmp_path)


def test_dense_model(tmp_path):
    dense = {key: value for key, value in LARGE_3.items() if key in ("dim", "hidden_dim", "n_layers", "vocab_size")}
    heads = {"n_heads": 96, "n_kv_heads": 8, "head_dim": 128, "max_position_embeddings": 131072}
    (tmp_path / "params.json").write_text(json.dumps(dense | heads))
    assert read_model(tmp_path).architecture.name == "MistralForCausalLM"


def test_experts_without_shared_ones_are_those_of_mixtral(tmp_path):
    params = {"dim": 4096, "hidden_dim": 14336, "n_layers": 32, "n_heads": 32, "n_kv_heads": 8, "head_dim": 128}
    others = {"vocab_size": 32000, "max_position_embeddings": 32768}
    experts = {"moe": {"num_experts": 8, "num_experts_per_tok": 2}}
    (tmp_path / "params.json").write_text(json.dumps(params | others | experts))
    assert checkpoint_bytes(read_model(tmp_path).architecture, "bf16") == 93405585408


def test_weights_that_a_repository_has_twice_count_once(tmp_path):
    (tmp_path / "params.json").write_text(json.dumps(LARGE_3))
    write_header(tmp_path / "consolidated.safetensors", 100)
    assert read_model(tmp_path).checkpoints[0].tensor_bytes == 100
    write_header(tmp_path / "model.safetensors", 90)
    assert read_model(tmp_path).checkpoints[0].tensor_bytes == 90


def test_unknown_architecture_with_nested_parameters(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(V4_1))
    index = {"metadata": {"total_size": V4_1_BYTES}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(UnsupportedModelError) as raised:
        read_model(tmp_path)
    assert raised.value.message.parameters["size"] == V4_1_BYTES / 2**30
    model = read_model(tmp_path, kv_bytes_per_token=10000)
    assert model.checkpoints[0].tensor_bytes == V4_1_BYTES
    assert model.architecture.num_hidden_layers == 40
