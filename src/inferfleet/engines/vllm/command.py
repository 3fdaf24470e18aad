"""vLLM's command line (vllm/engine/arg_utils.py, vllm/entrypoints/cli/serve.py)."""

import json

from inferfleet.engines.launch import Launch

_POLLED_PATHS = ("/health", "/metrics")
_DATA_PARALLEL_PORT = 29550  # ParallelConfig.data_parallel_rpc_port


def build_argv(launch: Launch) -> list[str]:
    """Return `vllm serve …` for one node; empty on a node that only provides accelerators to Ray."""
    over_ray = launch.executor == "ray"
    if over_ray and not launch.is_head:
        return []
    argv = ["vllm", "serve", launch.model_path, "--served-model-name", launch.served_model_name]
    argv += ["--tensor-parallel-size", str(launch.layout.tensor_parallel_size)]
    argv += ["--pipeline-parallel-size", str(launch.layout.pipeline_parallel_size)]
    argv += ["--distributed-executor-backend", launch.executor]
    if launch.layout.data_parallel_size > 1:
        argv += _data_parallel(launch)
    elif not over_ray and launch.nodes > 1:
        argv += ["--nnodes", str(launch.nodes), "--node-rank", str(launch.rank), "--master-addr", launch.head]
    if launch.is_head:
        argv += [
            "--host",
            "0.0.0.0",
            "--port",
            str(launch.port),
            *_parsers(launch),
            *_usage(launch),
            *_access_log(launch),
        ]
    else:
        argv += ["--headless"]
    return [*argv, *sizes(launch), *remote_code(launch), *launch.extra]


def _data_parallel(launch: Launch) -> list[str]:
    """Return the options of its data parallel deployment: each node holds the same number of replicas."""
    replicas = launch.layout.data_parallel_size
    argv = ["--data-parallel-size", str(replicas)]
    if launch.nodes == 1:
        return argv
    local = replicas // launch.nodes
    argv += ["--data-parallel-size-local", str(local)]
    argv += ["--data-parallel-address", launch.head, "--data-parallel-rpc-port", str(_DATA_PARALLEL_PORT)]
    return argv if launch.is_head else [*argv, "--data-parallel-start-rank", str(launch.rank * local)]


def _parsers(launch: Launch) -> list[str]:
    argv: list[str] = []
    if launch.reasoning_parser:
        argv += ["--enable-reasoning"] if "--enable-reasoning" in launch.flags else []
        argv += ["--reasoning-parser", launch.reasoning_parser]
    if launch.tool_call_parser:
        argv += ["--enable-auto-tool-choice", "--tool-call-parser", launch.tool_call_parser]
    if launch.chat_template:
        argv += ["--chat-template", launch.chat_template]
    return argv


def _usage(launch: Launch) -> list[str]:
    """Return the option that puts the numbers of tokens into every stream, from which the gateway counts them."""
    return ["--enable-force-include-usage"] if "--enable-force-include-usage" in launch.flags else []


def _access_log(launch: Launch) -> list[str]:
    """Return the option that keeps polling, several requests a second of gateway and supervisor, out of the log."""
    option = "--disable-access-log-for-endpoints"
    return [option, ",".join(_POLLED_PATHS)] if option in launch.flags else []


def sizes(launch: Launch) -> list[str]:
    """Return the options that determine memory use."""
    argv = ["--dtype", launch.dtype]
    argv += ["--max-model-len", str(launch.max_model_len), "--max-num-seqs", str(launch.max_num_seqs)]
    if launch.gpu_memory_utilization is not None:
        argv += ["--gpu-memory-utilization", f"{launch.gpu_memory_utilization:.2f}"]
    if launch.kv_cache_dtype != "auto":
        argv += ["--kv-cache-dtype", launch.kv_cache_dtype]
    if launch.quantization:
        argv += ["--quantization", launch.quantization]
    if launch.max_num_batched_tokens:
        argv += ["--max-num-batched-tokens", str(launch.max_num_batched_tokens)]
    if launch.layout.expert_parallel:
        argv += ["--enable-expert-parallel"]
    if launch.layout.decode_context_parallel_size > 1:
        argv += ["--decode-context-parallel-size", str(launch.layout.decode_context_parallel_size)]
    if not launch.enable_prefix_caching:
        argv += ["--no-enable-prefix-caching"]
    if launch.num_speculative_tokens:
        argv += speculation(launch)
    if launch.enforce_eager:
        argv += ["--enforce-eager"]
    if launch.performance_mode:
        argv += ["--performance-mode", launch.performance_mode]
    return argv


def remote_code(launch: Launch) -> list[str]:
    """Return the option that runs Python code of the checkpoint, if the model requires it."""
    return ["--trust-remote-code"] if launch.trust_remote_code else []


def speculation(launch: Launch) -> list[str]:
    """Return the option for speculative decoding with the model's multi-token-prediction layer."""
    form = {"method": launch.mtp_method, "num_speculative_tokens": launch.num_speculative_tokens}
    return ["--speculative-config", json.dumps(form, separators=(",", ":"))]
