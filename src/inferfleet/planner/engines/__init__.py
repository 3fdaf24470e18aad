"""Command lines of the engines: one pure function each, by the engine's name in the catalog."""

from collections.abc import Callable

from inferfleet.planner.engines.deepseek_infer import deepseek_infer_argv
from inferfleet.planner.engines.gpustack import gpustack_argv
from inferfleet.planner.engines.lmdeploy import lmdeploy_argv
from inferfleet.planner.engines.request import Launch
from inferfleet.planner.engines.sglang import sglang_argv
from inferfleet.planner.engines.tensorrt_llm import tensorrt_llm_argv
from inferfleet.planner.engines.vllm import vllm_argv
from inferfleet.planner.engines.vllm_vacc import vllm_vacc_argv

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
