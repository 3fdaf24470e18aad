"""Divide the KV cache of a sequence over the ranks of a node instead of its layers into pipeline stages."""

from dataclasses import replace

from inferfleet.catalog import Architecture, Checkpoint, Model
from inferfleet.planner.choose import EngineChoice
from inferfleet.planner.fleet import Fleet
from inferfleet.planner.layouts import Candidate, context_obstacle, most_context_ranks
from inferfleet.planner.limits import Limits
from inferfleet.planner.memory import budget
from inferfleet.settings import Settings

_FAST_LINKS = ("nvswitch", "nvlink", "xgmi")
"""Interconnects within a node over which every layer may be divided.

vLLM, docs/serving/parallelism_scaling.md: pipeline stages where accelerators lack NVLink. Not Ascend's: its guide
supports the division on A3 servers only, and warns of its cost (docs.vllm.ai/projects/ascend, context parallel).
"""
_SETTING = "decode_context_parallel_size"


def cache_kind(arch: Architecture, kv_cache_dtype: str) -> str:
    """Return the name of a KV cache in `decode_context` of an engine's version."""
    kind = "grouped" if not arch.mla else "sparse" if arch.index_head_dim else "latent"
    return f"{kind}-fp8" if kv_cache_dtype.startswith("fp8") else kind


def without_stages(
    ranked: list[Candidate],
    settings: Settings,
    model: Model,
    checkpoint: Checkpoint,
    choice: EngineChoice,
    fleet: Fleet,
    limits: Limits,
) -> list[Candidate]:
    """Return the ranked layouts of one node, before them one with as many ranks that needs no pipeline stages.

    Stages that only exist because every rank of a larger tensor-parallel group copies the KV cache cost more than
    dividing it: of one request at once 47 % of its time instead of 31 % (docs/en/measurements.md). As few ranks divide
    it as hold the context.
    """
    stages, arch = ranked[0].layout.pipeline_parallel_size, model.architecture
    supported = (
        _SETTING in choice.engine.settings
        and cache_kind(arch, settings.kv_cache_dtype) in choice.version.decode_context
    )
    if stages == 1 or len(fleet.nodes) > 1 or fleet.accelerator.interconnect not in _FAST_LINKS:
        return ranked
    if not supported or getattr(settings, _SETTING):
        return ranked
    for wide in (other.layout for other in ranked if other.layout.pipeline_parallel_size == 1):
        if wide.ranks < ranked[0].layout.ranks:
            continue
        for ranks in range(2, most_context_ranks(arch, wide.tensor_parallel_size) + 1):
            if context_obstacle(arch, wide.tensor_parallel_size, ranks):
                continue
            divided = replace(wide, decode_context_parallel_size=ranks)
            held = budget(arch, checkpoint.precision, divided, limits, fleet.accelerator.total_bytes)
            if held.fits:
                return [Candidate(divided, held, ranked[0].reason), *ranked]
    return ranked
