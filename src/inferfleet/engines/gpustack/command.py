"""Command lines of GPUStack: of its server and workers, and of the vLLM that it starts."""

from collections.abc import Mapping, Sequence
from typing import Any

from inferfleet.engines.launch import Launch
from inferfleet.engines.layout import Layout
from inferfleet.engines.vllm.command import remote_code, sizes


def build_argv(launch: Launch) -> list[str]:
    """Return `gpustack start …` for one node: server and worker on the head node, else a worker.

    The image's entry point adds the first two words itself. The registration token, the initial password and
    version-specific options are set in the environment (`env` in engine.yml).
    """
    argv = ["gpustack", "start"]
    if launch.is_head:
        argv += ["--port", str(launch.port)]
    else:
        argv += ["--server-url", f"http://{launch.head}:{launch.port}"]
    return [*argv, "--worker-ip", launch.addresses[launch.rank]]


def gpustack_parameters(
    plan: Mapping[str, Any],
    *,
    enforce_eager: bool = False,
    max_num_batched_tokens: int = 0,
    extra: Sequence[str] = (),
) -> list[str]:
    """Return the vLLM options for GPUStack that implement the plan, one per item.

    Without them GPUStack limits the context to 8192 tokens and distributes the model by its own rules (VLLMServer in
    gpustack/worker/backends/vllm.py). It adds host, port, name and multi-node options itself. `extra` comes last, as
    for every engine.
    """
    tensor = plan["tensor_parallel_size"]
    launch = Launch(
        model_path=plan["model_path"],
        served_model_name=plan["served_model_name"],
        layout=Layout(
            tensor_parallel_size=tensor,
            pipeline_parallel_size=plan["pipeline_parallel_size"],
            expert_parallel=plan["expert_parallel_size"] > 1,
        ),
        executor=plan["executor"],
        nodes=len(plan["nodes"]),
        rank=0,
        head="",
        per_node=0,
        port=plan["port"],
        dtype=plan["dtype"],
        max_model_len=plan["max_model_len"],
        max_num_seqs=plan["max_num_seqs"],
        gpu_memory_utilization=None if plan["vendor"] == "cpu" else plan["gpu_memory_utilization"],
        kv_cache_dtype=plan["kv_cache_dtype"],
        max_num_batched_tokens=max_num_batched_tokens,
        enforce_eager=enforce_eager,
        trust_remote_code=plan["trust_remote_code"],
    )
    argv = ["--tensor-parallel-size", str(tensor), "--pipeline-parallel-size", str(plan["pipeline_parallel_size"])]
    if plan["reasoning_parser"]:
        argv += ["--reasoning-parser", plan["reasoning_parser"]]
    return _joined([*argv, *sizes(launch), *remote_code(launch), *extra])


def _joined(argv: Sequence[str]) -> list[str]:
    """Return each option with its value in one item, the form that GPUStack expects."""
    items: list[str] = []
    for word in argv:
        if items and not word.startswith("--") and "=" not in items[-1]:
            items[-1] += f"={word}"
        else:
            items.append(word)
    return items
