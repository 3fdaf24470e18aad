"""Folders with everything of a model but its weights: `config.json` and a tokenizer."""

import json
from pathlib import Path
from typing import Any

from inferfleet.catalog import Architecture

_SPECIAL = ("<unk>", "</s>", "<think>", "</think>")
_DEEPSEEK_V3 = {  # config.json of huggingface.co/deepseek-ai/DeepSeek-R1
    "model_type": "deepseek_v3",
    "ep_size": 1,
    "moe_layer_freq": 1,
    "n_group": 8,
    "topk_group": 4,
    "topk_method": "noaux_tc",
    "scoring_func": "sigmoid",
    "norm_topk_prob": True,
    "routed_scaling_factor": 2.5,
    "rope_theta": 10000,
    "rope_scaling": {
        "type": "yarn",
        "factor": 40,
        "original_max_position_embeddings": 4096,
        "beta_fast": 32,
        "beta_slow": 1,
        "mscale": 1.0,
        "mscale_all_dim": 1.0,
    },
    "quantization_config": {
        "quant_method": "fp8",
        "fmt": "e4m3",
        "activation_scheme": "dynamic",
        "weight_block_size": [128, 128],
    },
}
_FURTHER: dict[str, dict[str, Any]] = {
    "DeepseekV3ForCausalLM": _DEEPSEEK_V3,
    "LlamaForCausalLM": {"model_type": "llama", "rope_theta": 500000},
    "Qwen2ForCausalLM": {"model_type": "qwen2", "rope_theta": 1000000},
}
"""Keys of `config.json` that the catalog lacks because memory does not depend on them."""


def config(architecture: Architecture, layers: int = 0) -> dict[str, Any]:
    """Return the `config.json` of an architecture of the catalog, cut to its first `layers` layers (0: all)."""
    stated = architecture.model_dump(exclude_defaults=True, exclude={"name", "correction_bias_bytes"})
    return {
        "architectures": [architecture.name],
        "torch_dtype": "bfloat16",
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "attention_bias": False,
        "tie_word_embeddings": False,
        **stated,
        **_FURTHER[architecture.name],
        "num_hidden_layers": layers or architecture.num_hidden_layers,
    }


def tokenizer(vocabulary: int) -> dict[str, Any]:
    """Return a `tokenizer.json` with one word for each of `vocabulary` tokens, so that text has an exact length."""
    words = [*_SPECIAL, *(f"t{number}" for number in range(len(_SPECIAL), vocabulary))]
    added = [
        {"id": number, "content": word, "special": True}
        | dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
        for number, word in enumerate(_SPECIAL)
    ]
    return {
        "version": "1.0",
        "added_tokens": added,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "model": {"type": "WordLevel", "vocab": {word: i for i, word in enumerate(words)}, "unk_token": _SPECIAL[0]},
    }


def write_model(folder: Path, architecture: Architecture, layers: int = 0) -> None:
    """Write the folder of a model without weights, and in it the folder of its tokenizer.

    Next to `config.json` Transformers would read the tokenizer as one of the model's family.
    """
    (folder / "tokenizer").mkdir(parents=True, exist_ok=True)
    names = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": _SPECIAL[0], "eos_token": _SPECIAL[1]}
    for name, content in {
        "config.json": config(architecture, layers),
        "tokenizer/tokenizer.json": tokenizer(architecture.vocab_size),
        "tokenizer/tokenizer_config.json": {**names, "clean_up_tokenization_spaces": False},
    }.items():
        (folder / name).write_text(json.dumps(content), "utf-8")
