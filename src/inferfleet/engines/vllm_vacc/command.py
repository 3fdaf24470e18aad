"""The command line of Vastai's vLLM, as documented by the vendor (VastModelZOO, DeepSeek-R1)."""

from inferfleet.engines.launch import Launch
from inferfleet.engines.vllm.command import speculation


def build_argv(launch: Launch) -> list[str]:
    """Return `vllm serve …`; the vendor's modes fix the sizes."""
    argv = ["vllm", "serve", launch.model_path, "--trust-remote-code"]
    argv += ["--tensor-parallel-size", str(launch.layout.tensor_parallel_size)]
    if launch.layout.pipeline_parallel_size > 1:
        argv += ["--pipeline-parallel-size", str(launch.layout.pipeline_parallel_size)]
    argv += ["--max-model-len", str(launch.max_model_len), "--enforce-eager"]
    if launch.num_speculative_tokens:
        argv += speculation(launch)
    if launch.reasoning_parser:
        argv += ["--reasoning-parser", launch.reasoning_parser]
    argv += ["--host", "0.0.0.0", "--port", str(launch.port), "--served-model-name", launch.served_model_name]
    return [*argv, *launch.extra]
