"""SGLang's command line (sglang/srt/server_args.py)."""

from inferfleet.engines.launch import Launch
from inferfleet.engines.python_module import python_module

_RENDEZVOUS_PORT = 20000  # --dist-init-addr, as in SGLang's multi-node guide


def build_argv(launch: Launch) -> list[str]:
    """Return `python3 … sglang.launch_server …` for one node.

    Its tensor parallel size counts all ranks of a pipeline stage; that of attention is this number divided by the
    data parallel size.
    """
    layout, replicas = launch.layout, launch.layout.data_parallel_size
    ranks = layout.tensor_parallel_size * replicas
    argv = ["python3", "-m", "sglang.launch_server"]
    if launch.is_head and launch.api_key_env:
        argv = python_module("sglang.launch_server", "--api-key", launch.api_key_env)
    argv += ["--model-path", launch.model_path, "--served-model-name", launch.served_model_name]
    argv += ["--tp-size", str(ranks)]
    if layout.pipeline_parallel_size > 1:
        argv += ["--pp-size", str(layout.pipeline_parallel_size)]
    if replicas > 1:
        own = ["--attn-dp-size"] if "--attn-dp-size" in launch.flags else ["--enable-dp-attention", "--dp-size"]
        argv += [*own, str(replicas)]
    if launch.nodes > 1:
        argv += ["--dist-init-addr", f"{launch.head}:{_RENDEZVOUS_PORT}"]
        argv += ["--nnodes", str(launch.nodes), "--node-rank", str(launch.rank)]
    argv += ["--host", "0.0.0.0", "--port", str(launch.port), "--dtype", launch.dtype]
    # The limit is that of all replicas together (model_executor/pool_configurator.py).
    argv += [
        "--context-length",
        str(launch.max_model_len),
        "--max-running-requests",
        str(launch.max_num_seqs * replicas),
    ]
    if launch.static_share is not None:
        argv += ["--mem-fraction-static", f"{launch.static_share:.2f}"]
    if launch.kv_cache_dtype != "auto":
        argv += ["--kv-cache-dtype", {"fp8": "fp8_e4m3"}.get(launch.kv_cache_dtype, launch.kv_cache_dtype)]
    if launch.quantization:
        argv += ["--quantization", launch.quantization]
    if launch.max_num_batched_tokens:
        argv += ["--chunked-prefill-size", str(launch.max_num_batched_tokens)]
    if layout.expert_parallel:
        argv += ["--ep-size", str(ranks)]
    if launch.enforce_eager:
        argv += ["--cuda-graph-backend-decode", "disabled", "--cuda-graph-backend-prefill", "disabled"]
    if not launch.enable_prefix_caching:
        argv += ["--disable-radix-cache"]
    if launch.trust_remote_code:
        argv += ["--trust-remote-code"]
    if launch.is_head:
        argv += ["--enable-metrics"]  # by which the supervisor sees progress
        if (usage := "--stream-response-default-include-usage") in launch.flags:  # from which the gateway counts tokens
            argv += [usage]
        if (polled := "--uvicorn-access-log-exclude-prefixes") in launch.flags:  # by gateway and supervisor
            argv += [polled, "/health", "/metrics"]
    return [*argv, *_parsers(launch), *_speculation(launch), *launch.extra]


def _parsers(launch: Launch) -> list[str]:
    argv = ["--reasoning-parser", launch.reasoning_parser] if launch.reasoning_parser else []
    if launch.tool_call_parser:
        argv += ["--tool-call-parser", launch.tool_call_parser]
    if launch.chat_template:
        argv += ["--chat-template", launch.chat_template]
    return argv


def _speculation(launch: Launch) -> list[str]:
    """Return the options of its DeepSeek guide: EAGLE with the model's prediction layer, one branch per step."""
    if not launch.num_speculative_tokens:
        return []
    argv = ["--speculative-algorithm", "EAGLE", "--speculative-num-steps", str(launch.num_speculative_tokens)]
    argv += ["--speculative-eagle-topk", "1"]
    return [*argv, "--speculative-num-draft-tokens", str(launch.num_speculative_tokens + 1)]
