"""All texts of the planner: of the negative cases, the shipped inventories, unusual settings, nodes and networks."""

import fcntl
import json
import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import yaml
from tests.negative.planner.planner_case import facts_of, read_cases, write_inventory
from tests.unit.planner.test_fabric import CONTRACT, machine_facts, member, pair

from inferfleet.catalog import load_xids
from inferfleet.inventory.read import read_inventory
from inferfleet.messages import Message, Problem
from inferfleet.planner import Plan, make_plan, plan_cluster
from inferfleet.planner.fabric import derive_fabric
from inferfleet.planner.health import health_problems, health_warnings
from inferfleet.planner.replicas import plan_service
from inferfleet.settings import Settings

INVENTORIES = sorted(path.parent for path in (Path(__file__).parents[3] / "inventories").glob("*/hosts.yml"))
TINY_R1 = Path(__file__).parents[3] / "lab" / "tiny_r1" / "architecture.yml"
NODES = {f"n{i}": {"role": "worker" if i else "head", "address": f"10.0.0.{i + 1}"} for i in range(2)}
SMALL, LARGE = "deepseek-r1-distill-qwen-1.5b", "deepseek-r1-distill-llama-70b"
ODD = (
    ("H200-141G", {"tensor_parallel_size": 16, "engine": "sglang", "gpu_memory_utilization": 0.98}),
    ("H200-141G", {"tensor_parallel_size": 32}),
    ("H200-141G", {"tensor_parallel_size": 8, "pipeline_parallel_size": 1, "data_parallel_size": 2}),
    ("H200-141G", {"tensor_parallel_size": 1, "data_parallel_size": 16, "enable_expert_parallel": True}),
    ("H200-141G", {"tensor_parallel_size": 12, "enable_expert_parallel": True}),
    ("H800-80G", {"gpu_memory_utilization": 0.4, "enable_expert_parallel": True}),
    ("H800-80G", {"tensor_parallel_size": 1, "pipeline_parallel_size": 16, "data_parallel_size": 2}),
    ("H200-141G", {"engine": "sglang", "pipeline_parallel_size": 2}),
    ("A800-80G", {"engine": "sglang", "precision": "int8"}),
    ("A800-80G", {"engine": "sglang", "precision": "int8", "tensor_parallel_size": 32}),
    ("A800-80G", {"precision": "int8", "hypothetical": True}),
    ("A800-80G", {"model": LARGE, "accelerators_per_node": 1}),
    ("A800-80G", {"model": LARGE, "accelerators_per_node": 2}),
    ("H800-80G", {"model": SMALL, "precision": "fp8", "hypothetical": True, "tensor_parallel_size": 3}),
    ("H800-80G", {"model": SMALL, "tensor_parallel_size": 1, "pipeline_parallel_size": 1}),
    ("Ascend910B-64G", {"precision": "fp8"}),
    ("Ascend910B-64G", {"dtype": "half"}),
    ("Ascend910B-64G", {"executor": "auto", "model": LARGE}),
    ("H200-141G", {"engine": "deepseek-infer"}),
    ("H200-141G", {"engine_extra_args": ["--x"], "engine_image": "mine/vllm:new"}),
    ("H200-141G", {"engine_extra_args": ["--enable-chunked-prefill=False", "--task", "generate", "--enable-ep-moe"]}),
    ("H200-141G", {"engine_extra_args": ["--guided-decoding-backend", "xgrammar", "--max-log-probs", "5"]}),
    ("H200-141G", {"engine_extra_args": ["--quantization", "awq"]}),
    ("V100-32G", {"engine": "vllm"}),
    ("VA16-128G", {"engine": "vllm_vacc", "accelerators_per_node": 1}),
    ("H20-96G", {"accelerators_per_node": 7, "gpu_memory_utilization": 0.9}),
    ("A800-80G", {"model": LARGE, "engine": "lmdeploy", "executor": "ray"}),
    ("H800-80G", {"gpu_memory_utilization": 0.5}),
    ("H20-96G", {"tensor_parallel_size": 3, "data_parallel_size": 2}),
    ("H200-141G", {"accelerators_per_node": 65}),
    ("H200-141G", {"cluster_network": "192.0.2.0/24"}),
    ("H200-141G", {"kv_bytes_per_token": 4096}),
    ("H200-141G", {"checkpoint": "example/r1-finetuned"}),
    ("H200-141G", {"checkpoint": "deepseek-ai/DeepSeek-R1-Zero"}),
)
REPLICAS: tuple[tuple[str, dict[str, Any]], ...] = (
    *(("H200-141G", {"replicas": count}) for count in (0, 2, 3, 5)),
    ("H200-141G", {"replicas": 2, "engine": "gpustack"}),
    *(("K100AI-64G", {"model": SMALL, "engine_image": image}) for image in ("", "registry.example.com/dcu:1")),
    *(("H200-141G", values) for values in ({"engine": "gpustack"}, {"max_model_len": 131072, "max_num_seqs": 8})),
    ("H200-141G", {"pipeline_parallel_size": 2}),
    *(("H800-80G", {"replicas": count}) for count in (0, 4)),
    *((accelerator, {}) for accelerator in ("H20-96G", "A800-80G")),
)
PROFILES = (
    *({"profile": name} for name in ("latency", "throughput", "long-context")),
    {"profile": "long-context", "accelerator": "A800-80G", "model": LARGE},
    {"profile": "throughput", "accelerator": "MI300X-192G"},
    {"profile": "latency", "engine": "sglang"},
    {"profile": "throughput", "engine": "sglang"},
    {"profile": "long-context", "engine": "sglang", "model": SMALL, "kv_cache_dtype": "bfloat16"},
    {"profile": "latency", "engine": "lmdeploy"},
    {"profile": "latency", "num_speculative_tokens": 0, "accelerator": "L40S-48G", "model": SMALL},
    {"profile": "throughput", "executor": "ray"},
    {"profile": "throughput", "gpu_memory_utilization": 0.8},
    {"model": "deepseek-v3.2", "decode_context_parallel_size": 8},
    {"decode_context_parallel_size": 8, "kv_cache_dtype": "fp8", "executor": "ray"},
)
LLAMA = {"architectures": ["LlamaForCausalLM"], "num_hidden_layers": 2, "hidden_size": 64, "intermediate_size": 64}
LLAMA |= {"num_attention_heads": 4, "vocab_size": 9, "max_position_embeddings": 99}
SHARED_EXPERTS = {"architectures": ["Glm4MoeForCausalLM"], "n_routed_experts": 8, "num_experts_per_tok": 2}
SHARED_EXPERTS |= {"moe_intermediate_size": 4, "n_shared_experts": 1, "first_k_dense_replace": 1}
LINEAR = {"architectures": ["Qwen3NextForCausalLM"], "num_experts": 4, "num_experts_per_tok": 1}
LINEAR |= {"moe_intermediate_size": 4, "linear_num_key_heads": 2, "linear_num_value_heads": 4}
LINEAR |= {"linear_key_head_dim": 16, "linear_value_head_dim": 16, "linear_conv_kernel_dim": 4}
VISION = {"architectures": ["Gemma3ForConditionalGeneration"], "text_config": LLAMA | {"num_attention_heads": 8}}
VISION["text_config"] |= {"num_key_value_heads": 8}
VISION["vision_config"] = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
CONFIGS = (
    *(b"\xff", b"[]", b"{}", b'{"architectures": ["LlamaForCausalLM"]}'),
    *(
        json.dumps({**LLAMA, **change}).encode()
        for change in (
            {"num_key_value_heads": 3},
            {"architectures": ["DeepseekV3ForCausalLM"], "n_routed_experts": 8},
            {"architectures": ["DeepseekV3ForCausalLM"], "kv_lora_rank": 8},
            {"architectures": ["OwnForCausalLM"]},
            {"vocab_size": 0},
            {"torch_dtype": "int3"},
            {"quantization_config": {"quant_method": "x"}},
            {"quantization_config": {"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION"}},
            {"quantization_config": {"quant_method": "fp8", "ignore": ["re:("]}},
            {"architectures": ["GptOssForCausalLM"], "layer_types": ["full_attention"]},
            {"architectures": ["Qwen3NextForCausalLM"], "linear_num_key_heads": 2},
            {"model_type": "own"},
        )
    ),
)


def texts() -> list[Message | Problem]:
    """Return every refusal, warning, reason and assessment of a layout, each text once."""
    messages = {
        str(text): text
        for text in chain(_inventories(), _odd_settings(), _replicas(), _profiles(), _configs(), _nodes(), _networks())
    }
    return [messages[text] for text in sorted(messages)]


def _of(*plans: Plan) -> Iterator[Message | Problem]:
    for plan in plans:
        yield from (*plan.problems, *plan.warnings, *plan.reasons)
        yield from (candidate.reason for candidate in plan.alternatives)


def _inventories() -> Iterator[Message | Problem]:
    for case in read_cases():
        with tempfile.TemporaryDirectory() as folder:
            read = read_inventory(str(write_inventory(case, Path(folder))))
            cluster = plan_cluster(read, facts_of(case))
        # Problems of a host are reported by the inventory checks.
        lacks = [problem for problems in cluster.node_problems.values() for problem in problems]
        yield from (text for text in _of(*cluster.plans) if text not in lacks)
    for inventory in INVENTORIES:
        yield from _of(*plan_cluster(read_inventory(str(inventory)), {"unlisted": {}}).plans)
    switched_off = read_inventory(str(INVENTORIES[0]), {"node_firewall": False, "supervisor_enabled": False})
    yield from plan_cluster(switched_off).plans[0].warnings


def _odd_settings() -> Iterator[Message | Problem]:
    for accelerator, odd in ODD:
        values = {"executor": "mp", **odd, "accelerator": accelerator}
        hypothetical = bool(values.pop("hypothetical", False))
        for nodes in (NODES, {"n0": NODES["n0"]}):
            yield from _of(make_plan(Settings(**values), nodes, hypothetical=hypothetical).of_service("r1"))


def _replicas() -> Iterator[Message | Problem]:
    nodes = {f"n{i}": {"role": "worker" if i else "head", "address": f"10.0.0.{i + 1}"} for i in range(4)}
    for accelerator, values in REPLICAS:
        yield from _of(*plan_service(Settings(executor="mp", accelerator=accelerator, **values), nodes))


def _profiles() -> Iterator[Message | Problem]:
    for settings in PROFILES:
        values = {"accelerator": "H200-141G", "executor": "mp", **settings}
        for nodes in (NODES, {"n0": NODES["n0"]}):
            yield from _of(make_plan(Settings(**values), nodes))


def _configs() -> Iterator[Message | Problem]:
    folder = Path(tempfile.gettempdir()) / "inferfleet-wording"  # in the texts, so the same each time
    folder.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:  # other workers of pytest use the same folder
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield from [*_local_models(folder)]


def _local_models(folder: Path) -> Iterator[Message | Problem]:
    for config in CONFIGS:
        (folder / "config.json").write_bytes(config)
        yield from _of(make_plan(Settings(accelerator="H200-141G", model=str(folder)), NODES))
    (folder / "config.json").write_text(json.dumps({**LLAMA, **SHARED_EXPERTS, "num_attention_heads": 64}))
    parallel = {"tensor_parallel_size": 8, "enable_expert_parallel": True}
    yield from _of(make_plan(Settings(accelerator="H200-141G", model=str(folder), executor="mp", **parallel), NODES))
    (folder / "config.json").write_text(json.dumps({**LLAMA, **LINEAR}))
    parallel = {"tensor_parallel_size": 4}
    yield from _of(make_plan(Settings(accelerator="H200-141G", model=str(folder), executor="mp", **parallel), NODES))
    (folder / "config.json").write_text(json.dumps({**LLAMA, "architectures": ["OwnForCausalLM"]}))
    header = json.dumps({"w": {"data_offsets": [0, 7 << 30]}}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    for tokens in (0, 4096):
        yield from _of(
            make_plan(
                Settings(accelerator="H200-141G", model=str(folder), executor="mp", kv_bytes_per_token=tokens), NODES
            )
        )
    (folder / "config.json").write_text(json.dumps({"architectures": ["OwnForCausalLM"]}))
    yield from _of(make_plan(Settings(accelerator="H200-141G", model=str(folder), kv_bytes_per_token=4096), NODES))
    (folder / "model.safetensors").unlink()
    (folder / "config.json").write_text(json.dumps(VISION))
    parallel = {"tensor_parallel_size": 8}
    yield from _of(make_plan(Settings(accelerator="H200-141G", model=str(folder), executor="mp", **parallel), NODES))
    (folder / "config.json").write_bytes(CONFIGS[-1])
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1369062772000}}))
    yield from _of(make_plan(Settings(accelerator="H200-141G", model=str(folder)), NODES))
    index.unlink()
    revision = folder / "models--o--m" / "snapshots" / "1"
    revision.mkdir(parents=True, exist_ok=True)
    (revision / "config.json").write_text(json.dumps(yaml.safe_load(TINY_R1.read_text())))
    yield from _of(make_plan(Settings(accelerator="H200-141G", model=str(revision.parent.parent)), NODES))
    yield from _of(make_plan(Settings(accelerator="H200-141G", model=str(revision), engine="deepseek-infer"), NODES))


def _nodes() -> Iterator[Message | Problem]:
    devices = [{"index": i, "memory_mib": 81559, "bus": f"0000:{i}b:00.0"} for i in range(2)]
    aged = [{"xid": xid, "bus": "0000:3b:00", "age_seconds": 60 * 7**xid % 400_000} for xid in load_xids()]
    facts = {"accelerators": devices, "module_version": "580.95.05", "module_flavour": "proprietary", "modules": []}
    facts |= {"events": aged, "acs_bridges": ["0000:00:01.0"], "iommu": True, "rdma": [{"name": "mlx5_0"}]}
    yield from health_warnings("n1", facts)
    yield from health_problems("n1", facts, wanted=0, share=0.9)
    slow = {"accelerators": [{"index": 0, "name": "NVIDIA H200", "persistence": "Disabled"}], "model_root": "/a"}
    mixed = {"accelerators": [{"name": "NVIDIA H200"}, {"name": "NVIDIA H20"}], "model_root": "/b"}
    for first, second in ((slow, slow), (slow, mixed), (mixed, slow), (slow, {})):
        nodes = {"n0": {**NODES["n0"], **first}, "n1": {**NODES["n1"], **second}}
        yield from _of(make_plan(Settings(model=SMALL, executor="mp"), nodes))
    older = {"n0": {**NODES["n0"], "driver_version": "535.183.01"}}
    yield from _of(
        make_plan(Settings(accelerator="H200-141G", executor="mp", engine_image="vllm/vllm-openai:v0.32.0"), older)
    )


def _networks() -> Iterator[Message | Problem]:
    with tempfile.TemporaryDirectory() as folder:
        bonded, infiniband, roce = (
            machine_facts(name, Path(folder) / name) for name in ("bonded", "infiniband", "roce")
        )
    small = {**bonded, "interfaces": [{**i, "mtu": 1500} for i in bonded["interfaces"]]}
    one = {**infiniband, "rdma": [device for device in infiniband["rdma"] if device["name"] == "mlx5_0"]}
    routes = {"10.0.0.2": {"interface": "bond1"}}
    for env, nodes in (
        ({"NCCL_IB_DISABLE": "1"}, pair(bonded, "bond0", small, routes=routes)),
        ({}, pair(infiniband, "eno3", cluster_rdma="mlx5_1, mlx5_7:1")),
        ({}, [member("n1", roce, "ens1np0"), member("n2", one, "eno3", "10.0.0.2")]),
        ({"NCCL_IB_HCA": "mlx9"}, pair(infiniband, "eno3")),
    ):
        fabric, problems = derive_fabric(CONTRACT.model_copy(update={"engine_extra_env": env}), nodes, "nvidia")
        yield from (*fabric.warnings, *problems)
