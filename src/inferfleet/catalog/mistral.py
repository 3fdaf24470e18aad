"""Mistral's own description of a model, `params.json`, in the words of a `config.json`.

As vLLM reads it (vllm/transformers_utils/configs/mistral.py); Mistral Large 3 is published with no other.
"""

from collections.abc import Mapping
from typing import Any

from inferfleet.catalog.quantization import mapping

FILE = "params.json"
_NAMES = {
    "dim": "hidden_size",
    "hidden_dim": "intermediate_size",
    "n_layers": "num_hidden_layers",
    "n_heads": "num_attention_heads",
    "n_kv_heads": "num_key_value_heads",
    "tied_embeddings": "tie_word_embeddings",
}
_MOE_NAMES = {
    "num_experts": "n_routed_experts",
    "num_shared_experts": "n_shared_experts",
    "expert_hidden_dim": "moe_intermediate_size",
}


def config_of_params(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a `params.json` states, as `config.json` would."""
    experts = mapping(params.get("moe"))
    config = {_NAMES.get(key, key): value for key, value in params.items() if key != "moe"}
    config |= {_MOE_NAMES.get(key, key): value for key, value in experts.items()}
    name = "MistralLarge3ForCausalLM" if experts.get("num_shared_experts") else "MistralForCausalLM"
    if experts and not experts.get("num_shared_experts"):
        name = "MixtralForCausalLM"
        config["num_local_experts"] = experts.get("num_experts")
    vision = params.get("vision_encoder") or mapping(params.get("multimodal")).get("vision_encoder_args")
    return config | {"architectures": [name], "vision_config": vision}
