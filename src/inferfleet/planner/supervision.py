"""Whether a replica is supervised, and after which time without progress it counts as hung."""

from functools import cache
from math import ceil

from inferfleet.catalog.architecture import Architecture
from inferfleet.catalog.schema import Vendor
from inferfleet.engines import Engine
from inferfleet.planner.limits import Limits
from inferfleet.planner.modules import decoder_layer
from inferfleet.settings import Settings

_OPERATIONS_PER_SECOND = {"cpu": 1e11}
"""Of one rank; the least that is expected of an accelerator is a sixth of the T4's 65 TFLOPS (its data sheet)."""
_LEAST_OPERATIONS_PER_SECOND = 1e13
_SHORTEST = 60
"""Seconds: kernels that are compiled with their first use, and a node that swaps or is paused, last less."""
_LONGEST = 300
"""Seconds that vLLM (VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS, vllm/envs.py) and SGLang (--watchdog-timeout,
sglang/srt/server_args.py) themselves give one step before they end."""
_WITHOUT_METRICS = 600
"""Seconds: without metrics, a completion that waits behind other requests looks like a hang."""


def supervised(settings: Settings, engine: Engine) -> bool:
    """Return whether the supervisor runs the engine's containers: not those of GPUStack, which restarts its own."""
    return settings.supervisor_enabled and engine.role == "inference_engine" and engine.protocol == "openai"


def step_seconds(arch: Architecture, limits: Limits, ranks: int, vendor: Vendor) -> float:
    """Return the seconds of the longest step: a full batch of prompt tokens at the end of the longest context.

    `ranks` are those that compute a layer; with pipeline stages, one after the other. Two operations per parameter and
    token (arxiv.org/abs/2001.08361, section 2.1), and per element of queries, keys and values for each earlier token.
    """
    tokens = min(limits.max_num_batched_tokens, limits.max_model_len)
    key = (arch.qk_nope_head_dim + arch.qk_rope_head_dim) if arch.kv_lora_rank else _head_dim(arch)
    value = arch.v_head_dim if arch.kv_lora_rank else _head_dim(arch)
    context = limits.max_model_len * arch.num_attention_heads * (key + value) * arch.num_hidden_layers
    operations = 2 * tokens * (_active_parameters(arch) + context)
    return operations / (ranks * _OPERATIONS_PER_SECOND.get(vendor, _LEAST_OPERATIONS_PER_SECOND))


def hang_seconds(step: float, *, has_metrics: bool) -> int:
    """Return the seconds without progress after which a replica whose longest step takes `step` seconds hangs."""
    derived = min(max(_SHORTEST, ceil(2 * step)), _LONGEST)
    return derived if has_metrics else max(derived, _WITHOUT_METRICS)


@cache
def _active_parameters(arch: Architecture) -> int:
    """Return the parameters of all layers that compute a token: of the routed experts, only those of the token."""
    total = 0
    for layer in range(arch.num_hidden_layers):
        for matrix in decoder_layer(arch, layer):
            copies = min(matrix.copies, arch.num_experts_per_tok) if matrix.copies > 1 else 1
            total += copies * sum(matrix.parts) * matrix.inputs
    return total


def _head_dim(arch: Architecture) -> int:
    return arch.head_dim or arch.hidden_size // arch.num_attention_heads
