"""LMDeploy's command line (lmdeploy/cli/serve.py)."""

from inferfleet.engines.launch import Launch
from inferfleet.engines.python_module import python_module


def build_argv(launch: Launch) -> list[str]:
    """Return `… serve api_server …`; empty on a node that only provides accelerators to Ray."""
    if not launch.is_head:
        return []
    argv = python_module("lmdeploy", "--api-keys", launch.api_key_env) if launch.api_key_env else ["lmdeploy"]
    argv += ["serve", "api_server", launch.model_path, "--backend", _backend(launch)]
    argv += ["--model-name", launch.served_model_name, "--tp", str(launch.layout.tensor_parallel_size)]
    argv += ["--server-name", "0.0.0.0", "--server-port", str(launch.port)]
    argv += ["--dtype", {"half": "float16"}.get(launch.dtype, launch.dtype)]
    argv += ["--session-len", str(launch.max_model_len), "--max-batch-size", str(launch.max_num_seqs)]
    if launch.free_share is not None:
        argv += ["--cache-max-entry-count", f"{launch.free_share:.2f}"]
    if launch.kv_cache_dtype.startswith("fp8"):
        argv += ["--quant-policy", "fp8_e5m2" if launch.kv_cache_dtype == "fp8_e5m2" else "fp8"]
    if launch.max_num_batched_tokens:
        argv += ["--max-prefill-token-num", str(launch.max_num_batched_tokens)]
    if launch.enforce_eager:
        argv += ["--eager-mode"]
    if launch.enable_prefix_caching:
        argv += ["--enable-prefix-caching"]
    if launch.trust_remote_code:
        argv += ["--trust-remote-code"]
    if launch.reasoning_parser:
        argv += ["--reasoning-parser", launch.reasoning_parser]
    return [*argv, *launch.extra]


def _backend(launch: Launch) -> str:
    """Return the backend: TurboMind for dense models on one node without options of the PyTorch engine, else PyTorch.

    lmdeploy/turbomind/supported_models.py lists architectures; lmdeploy/messages.py refuses an FP8 cache; eager mode is
    an option of the PyTorch engine.
    """
    pytorch_only = launch.kv_cache_dtype.startswith("fp8") or launch.enforce_eager
    dense = launch.architecture in ("LlamaForCausalLM", "Qwen2ForCausalLM")
    return "turbomind" if dense and launch.nodes == 1 and not pytorch_only else "pytorch"
