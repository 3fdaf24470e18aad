"""Quantization that ModelSlim states in a file of its own next to `config.json`, for Ascend accelerators.

Format: Ascend/msmodelslim on GitCode, docs/zh/quantization_formats/ascendv1.md: each tensor has a type, and those of a
linear layer have the same one. vLLM Ascend (vllm_ascend/quantization) reads the same file.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

FILE = "quant_model_description.json"
METHOD = "ascend"
_FLOAT = "FLOAT"
_WEIGHT = ".weight"
_BITS = re.compile(r"W(\d+)A")
_OTHER_EXPERT = re.compile(r"\.experts\.[1-9]")  # engines quantize all experts of a layer alike


def quantization_config(description: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `quantization_config` that the file stands for: bits of most weights, and the modules left out.

    Without a quantized weight it is empty. A mixture of bits is that of most weights; sizes come from the files.
    """
    types = {name: str(kind).upper() for name, kind in description.items() if str(name).endswith(_WEIGHT)}
    quantized = Counter(bits[1] for kind in types.values() if (bits := _BITS.match(kind)))
    if not quantized:
        return {}
    size = description.get("group_size")
    ignored = [_module(name) for name, kind in types.items() if kind == _FLOAT and not _OTHER_EXPERT.search(name)]
    return {
        "quant_method": METHOD,
        "bits": int(quantized.most_common(1)[0][0]),
        "group_size": size if isinstance(size, int) else 0,
        "ignore": ignored,
    }


def _module(name: str) -> str:
    """Return the name of a weight's module in the language model, whose prefix differs between models."""
    module = name.removesuffix(_WEIGHT)
    return module[max(0, module.find("model.layers.")) :]
