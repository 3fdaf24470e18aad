"""SGLang's command line."""

from inferfleet.planning.engines.request import Launch

_RENDEZVOUS_PORT = 20000  # --dist-init-addr, as in SGLang's multi-node guide


def sglang_argv(launch: Launch) -> list[str]:
    """Return `python3 -m sglang.launch_server …` for one node."""
    argv = ["python3", "-m", "sglang.launch_server", "--model-path", launch.model_path]
    argv += ["--served-model-name", launch.served_model_name]
    argv += ["--tp-size", str(launch.layout.tensor_parallel_size)]
    if launch.layout.pipeline_parallel_size > 1:
        argv += ["--pp-size", str(launch.layout.pipeline_parallel_size)]
    if launch.nodes > 1:
        argv += ["--dist-init-addr", f"{launch.head}:{_RENDEZVOUS_PORT}"]
        argv += ["--nnodes", str(launch.nodes), "--node-rank", str(launch.rank)]
    argv += ["--host", "0.0.0.0", "--port", str(launch.port), "--dtype", launch.dtype]
    argv += ["--context-length", str(launch.max_model_len), "--max-running-requests", str(launch.max_num_seqs)]
    if launch.static_share is not None:
        argv += ["--mem-fraction-static", f"{launch.static_share:.2f}"]
    if launch.kv_cache_dtype != "auto":
        argv += ["--kv-cache-dtype", {"fp8": "fp8_e4m3"}.get(launch.kv_cache_dtype, launch.kv_cache_dtype)]
    if launch.max_num_batched_tokens:
        argv += ["--chunked-prefill-size", str(launch.max_num_batched_tokens)]
    if launch.layout.expert_parallel:
        argv += ["--ep-size", str(launch.layout.tensor_parallel_size)]
    if launch.enforce_eager:
        argv += ["--cuda-graph-backend-decode", "disabled", "--cuda-graph-backend-prefill", "disabled"]
    if launch.reasoning_parser:
        argv += ["--reasoning-parser", launch.reasoning_parser.replace("_", "-")]
    if launch.num_speculative_tokens:
        argv += ["--speculative-algorithm", "EAGLE", "--speculative-num-steps", str(launch.num_speculative_tokens)]
        argv += ["--speculative-eagle-topk", "1"]
        argv += ["--speculative-num-draft-tokens", str(launch.num_speculative_tokens + 1)]
    return [*argv, *launch.extra]
