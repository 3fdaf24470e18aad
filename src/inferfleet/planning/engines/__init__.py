"""Command lines of the engines: one pure function each, by the engine's name in the catalog."""

from collections.abc import Callable

from inferfleet.planning.engines.deepseek_infer import deepseek_infer_argv
from inferfleet.planning.engines.gpustack import gpustack_argv
from inferfleet.planning.engines.lmdeploy import lmdeploy_argv
from inferfleet.planning.engines.request import Launch
from inferfleet.planning.engines.sglang import sglang_argv
from inferfleet.planning.engines.tensorrt_llm import tensorrt_llm_argv
from inferfleet.planning.engines.vllm import vllm_argv
from inferfleet.planning.engines.vllm_vacc import vllm_vacc_argv

BUILDERS: dict[str, Callable[[Launch], list[str]]] = {
    "vllm": vllm_argv,
    "sglang": sglang_argv,
    "lmdeploy": lmdeploy_argv,
    "tensorrt-llm": tensorrt_llm_argv,
    "deepseek-infer": deepseek_infer_argv,
    "vllm_vacc": vllm_vacc_argv,
    "gpustack": gpustack_argv,
}

__all__ = ["BUILDERS", "Launch"]
