"""Which weights of a checkpoint are quantized, and how, as its `config.json` states."""

import re
from collections.abc import Mapping
from fnmatch import translate
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt

_IGNORED = ("ignore", "modules_to_not_convert", "ignored_layers")
_BLOCK_ALGORITHMS = ("FP8_PB_WO", "FP8_BLOCK_SCALES")  # vllm/model_executor/layers/quantization/modelopt.py
_EVERY_MODULE = "Linear"  # compressed-tensors: the class of a layer may be given for its name


class Quantization(BaseModel):
    """The quantized linear layers; those of attention, feed-forward and experts unless stated otherwise."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    group_size: NonNegativeInt = 128
    """Weights of a row that share a scale, for INT4; 0: the entire row."""
    zero_points: bool = True
    """Whether each group has a zero point besides its scale."""
    experts_only: bool = False
    """Whether only experts are quantized, whatever the names of other modules."""
    blocks: bool = False
    """Whether FP8 or INT8 weights have a scale per 128 × 128 block; latent attention's checkpoints always have."""
    scale_bytes: PositiveInt = 4
    """Bytes of the scale of a block."""
    experts: Literal["", "mxfp4", "nvfp4"] = ""
    """Precision of the experts, if it is not the checkpoint's."""
    group_scale_bytes: PositiveInt = 2
    """Bytes of the scale of a group in the checkpoint, for INT4."""
    others: Literal["", "fp8"] = ""
    """Precision of the quantized modules that are not experts, if it is not the checkpoint's."""
    targets: tuple[str, ...] = ()
    """Names of the quantized modules, or patterns after `re:`; empty: all."""
    ignore: tuple[str, ...] = ()
    """Names of modules that are not quantized, or patterns after `re:`."""

    def quantizes(self, module: str) -> bool:
        """Return whether the weights of a module are quantized, for example of `model.layers.3.mlp.down_proj`."""
        if self.experts_only and ".experts." not in module:
            return False
        return _matches(self.targets, module, default=True) and not _matches(self.ignore, module, default=False)


def _matches(patterns: tuple[str, ...], module: str, *, default: bool) -> bool:
    """Return whether a pattern matches, as vLLM compares them; complete parts of the name match as well."""
    if not patterns:
        return default
    return any(
        bool(re.match(pattern[3:], module))
        if pattern.startswith("re:")
        else pattern == _EVERY_MODULE or f".{pattern}." in f".{module}."
        for pattern in patterns
    )


def read_quantization(settings: Mapping[str, Any], expert_dtype: object = None) -> Quantization:
    """Return what `quantization_config` states of groups and modules; raises ValueError with a pattern that is invalid.

    `expert_dtype` is DeepSeek V4's: with fp4 its experts are MXFP4 (or what moe_quant_algo names), and the scales of
    all other blocks have one byte (vllm/models/deepseek_v4/quant_config.py).

    Keys: compressed-tensors has config_groups and ignore, AWQ and FP8 modules_to_not_convert, GPTQ dynamic (a rule
    that starts with `-:` excludes modules), ModelOpt ignore with wildcards.
    """
    groups = config_groups(settings)
    weights = mapping(groups[0].get("weights")) if groups else settings
    size = weights.get("group_size", settings.get("q_group_size", 128))
    dynamic = settings.get("dynamic")
    excluded = [f"re:{rule[2:]}" for rule in dynamic if str(rule).startswith("-:")] if isinstance(dynamic, dict) else []
    ignore = [*excluded, *(name for key in _IGNORED for name in _names(settings.get(key)))]
    if algorithm := modelopt_algorithm(settings):
        ignore = [_wildcard(name) for name in ignore]
    targets = [name for group in groups for name in _names(group.get("targets"))]
    for pattern in (*ignore, *targets):
        if pattern.startswith("re:"):
            _checked(pattern)
    return Quantization(
        group_size=size if isinstance(size, int) and size > 0 else 0,
        zero_points=settings.get("quant_method") != "ascend" if not groups else weights.get("symmetric") is False,
        experts_only=settings.get("quant_method") == "mxfp4",  # vllm/model_executor/layers/quantization/mxfp4.py
        blocks=bool(settings.get("weight_block_size"))
        or weights.get("strategy") == "block"
        or algorithm in _BLOCK_ALGORITHMS,
        scale_bytes=1 if expert_dtype == "fp4" else 4,
        experts=_experts(settings) if expert_dtype == "fp4" else "",
        targets=() if _EVERY_MODULE in targets else tuple(targets),
        ignore=tuple(ignore),
    )


def _experts(settings: Mapping[str, Any]) -> Literal["mxfp4", "nvfp4"]:
    return "nvfp4" if str(settings.get("moe_quant_algo")).upper() == "NVFP4" else "mxfp4"


def modelopt_algorithm(settings: Mapping[str, Any]) -> str:
    """Return ModelOpt's name of a quantization, in capitals; empty for another method."""
    modelopt = str(settings.get("quant_method", "")).lower().startswith("modelopt")
    return str(settings.get("quant_algo") or "").upper() if modelopt else ""


def _wildcard(name: str) -> str:
    """Return the pattern of a module's name in ModelOpt: a part of names unless it has wildcards."""
    return f"re:{translate(name) if '*' in name or '?' in name else f'.*{re.escape(name)}'}"


def config_groups(settings: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the groups of compressed-tensors' `config_groups`; none for another method."""
    return [mapping(group) for group in mapping(settings.get("config_groups")).values()]


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a value of a `config.json` that should be a mapping; an empty one if it is not."""
    return value if isinstance(value, Mapping) else {}


def _names(value: Any) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list) else []


def _checked(pattern: str) -> None:
    try:
        re.compile(pattern[3:])
    except re.error:
        raise ValueError(pattern) from None
