"""TensorRT-LLM's command line."""

from inferfleet.planning.engines.request import Launch


def tensorrt_llm_argv(launch: Launch) -> list[str]:
    """Return `trtllm-serve …`; on several nodes each rank starts the same through its launcher."""
    launcher = ["trtllm-llmapi-launch"] if launch.nodes > 1 else []
    argv = [*launcher, "trtllm-serve", launch.model_path, "--host", "0.0.0.0", "--port", str(launch.port)]
    argv += ["--backend", "pytorch", "--tp_size", str(launch.layout.tensor_parallel_size)]
    argv += ["--pp_size", str(launch.layout.pipeline_parallel_size)]
    argv += ["--max_batch_size", str(launch.max_num_seqs), "--max_seq_len", str(launch.max_model_len)]
    if launch.gpu_memory_utilization is not None:
        argv += ["--kv_cache_free_gpu_memory_fraction", f"{launch.gpu_memory_utilization:.2f}"]
    if launch.reasoning_parser:
        argv += ["--reasoning_parser", launch.reasoning_parser.replace("_", "-")]
    return [*argv, "--trust_remote_code", *launch.extra]
