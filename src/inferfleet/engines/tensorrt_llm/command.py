"""TensorRT-LLM's command line (tensorrt_llm/commands/serve.py)."""

from inferfleet.engines.launch import Launch
from inferfleet.engines.mpi import listener_argv, mpirun_argv


def build_argv(launch: Launch) -> list[str]:
    """Return `trtllm-serve …`; with several nodes the head starts all ranks with mpirun, and the others wait for it."""
    if not launch.is_head:
        return listener_argv(launch.addresses[launch.rank])
    layout = launch.layout
    argv = ["trtllm-serve", launch.model_path, "--host", "0.0.0.0", "--port", str(launch.port)]
    argv += ["--backend", "pytorch", "--tp_size", str(layout.tensor_parallel_size)]
    argv += ["--pp_size", str(layout.pipeline_parallel_size)]
    if layout.expert_parallel:
        argv += ["--ep_size", str(layout.tensor_parallel_size)]
    argv += ["--max_batch_size", str(launch.max_num_seqs), "--max_seq_len", str(launch.max_model_len)]
    if launch.max_num_batched_tokens:
        argv += ["--max_num_tokens", str(launch.max_num_batched_tokens)]
    if launch.free_share is not None:
        argv += ["--kv_cache_free_gpu_memory_fraction", f"{launch.free_share:.2f}"]
    if launch.reasoning_parser:
        argv += ["--reasoning_parser", launch.reasoning_parser]
    if launch.nodes > 1:
        world = mpirun_argv(launch.addresses, launch.per_node, layout.ranks, launch.network)
        argv = [*world, "trtllm-llmapi-launch", *argv]
    return [*argv, "--trust_remote_code", *launch.extra]
