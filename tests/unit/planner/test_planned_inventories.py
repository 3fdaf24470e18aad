"""The plans of the shipped inventories match their documentation."""

import shlex
from pathlib import Path

import pytest
import yaml

from inferfleet.inventory.read import read_inventory
from inferfleet.planner import make_plan, plan_cluster
from inferfleet.settings import Settings

ROOT = Path(__file__).parents[3]
FACTS = ROOT / "tests" / "fixtures"


def planned(name, extra=None, facts=None):
    cluster = plan_cluster(read_inventory(str(ROOT / "inventories" / name), extra), facts or {})
    (plan,), problems = cluster.plans, cluster.problems
    assert problems == []
    return plan


def words(text):
    return shlex.split(text)


def test_v100():
    plan = planned("v100")
    assert plan.problems == []
    assert (plan.engine, plan.engine_version, plan.image) == ("vllm", "0.8.5.post1", "vllm/vllm-openai:v0.8.5.post1")
    assert (plan.tensor_parallel_size, plan.pipeline_parallel_size) == (4, 2)
    assert (plan.precision, plan.dtype, plan.executor) == ("bf16", "half", "ray")
    head, worker = plan.nodes["v100-01"], plan.nodes["v100-02"]
    path = "/data/models/deepseek-ai/DeepSeek-R1-Distill-Qwen-32B"
    assert head.argv == words(
        f"vllm serve {path} --served-model-name deepseek-r1-distill-qwen-32b --tensor-parallel-size 4"
        " --pipeline-parallel-size 2 --distributed-executor-backend ray --host 0.0.0.0 --port 8000"
        " --enable-reasoning --reasoning-parser deepseek_r1 --dtype half --max-model-len 32768 --max-num-seqs 128"
        " --gpu-memory-utilization 0.90 --trust-remote-code --disable-custom-all-reduce"
    )
    assert worker.argv == []
    assert head.ray_argv[:4] == words("ray start --block --disable-usage-stats")
    assert "--port=6667" in head.ray_argv
    assert "--num-gpus=4" in head.ray_argv
    assert "--address=10.20.0.11:6667" in worker.ray_argv
    assert head.env == {
        "VLLM_USE_V1": "0",
        "NCCL_SOCKET_IFNAME": "=ens5f0",  # exactly this one: a bare name is a prefix
        "GLOO_SOCKET_IFNAME": "ens5f0",
        "VLLM_HOST_IP": "10.20.0.11",
        "VLLM_NO_USAGE_STATS": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "HF_HUB_OFFLINE": "1",
    }
    assert worker.env == head.env | {"VLLM_HOST_IP": "10.20.0.12"}
    assert head.mounts == [f"{path}:{path}:ro"]
    assert plan.container.gpus == "all"


def test_v100_image_has_ray_without_tokens():
    assert any(warning.code == "ray-without-token" for warning in planned("v100").warnings)
    assert not any(warning.code == "ray-without-token" for warning in planned("a800").warnings)


def test_b200_large_batches_only_with_new_engines():
    nodes = {"n0": {"role": "head", "address": "10.0.0.1"}}
    contract = {"accelerator": "B200-180G", "accelerators_per_node": 8, "executor": "mp"}
    new, old = (make_plan(Settings(**contract, engine_version=v), nodes) for v in ("0.32.0", "0.17.1"))
    assert new.budget.activation_bytes > old.budget.activation_bytes


def test_longest_context_that_fits():
    nodes = {f"n{i}": {"role": "worker" if i else "head", "address": f"10.0.0.{i + 1}"} for i in range(12)}
    contract = {"model": "deepseek-r1", "accelerator": "V100-32G", "accelerators_per_node": 8}
    plan = make_plan(Settings(**contract), nodes)
    layout = {key: getattr(plan, key) for key in ("tensor_parallel_size", "pipeline_parallel_size")}
    longer = make_plan(Settings(**contract, **layout, max_model_len=plan.max_model_len + 1024), nodes)
    assert plan.problems == []
    assert 4096 < plan.max_model_len < 163840
    assert [p.code for p in longer.problems] == ["does-not-fit"]
    assert any("vLLM 0.8.5.post1 computes a prompt in one batch" in str(warning) for warning in plan.warnings)


def test_v100_with_nccl_debug():
    assert planned("v100", {"nccl_debug": "INFO"}).nodes["v100-02"].env["NCCL_DEBUG"] == "INFO"


def test_a800():
    plan = planned("a800")
    assert plan.problems == []
    assert (plan.checkpoint, plan.precision) == ("unsloth/DeepSeek-R1-BF16", "bf16")
    assert (plan.tensor_parallel_size, plan.pipeline_parallel_size, plan.accelerators) == (8, 4, 32)
    assert plan.nodes["a800-01"].argv == words(
        "vllm serve /data/models/unsloth/DeepSeek-R1-BF16 --served-model-name deepseek-r1 --tensor-parallel-size 8"
        " --pipeline-parallel-size 4 --distributed-executor-backend ray --host 0.0.0.0 --port 8000"
        " --reasoning-parser deepseek_r1 --enable-force-include-usage"
        " --disable-access-log-for-endpoints /health,/metrics --dtype bfloat16"
        " --max-model-len 32768 --max-num-seqs 256"
        " --gpu-memory-utilization 0.90"
    )
    assert {node.env["NCCL_SOCKET_IFNAME"] for node in plan.nodes.values()} == {"=bond0"}
    assert {node.env["GLOO_SOCKET_IFNAME"] for node in plan.nodes.values()} == {"bond0"}
    assert [node.env["VLLM_HOST_IP"] for node in plan.nodes.values()] == [f"10.30.0.{n}" for n in range(11, 15)]
    assert {tuple(node.mounts) for node in plan.nodes.values()} == {
        ("/data/models/unsloth/DeepSeek-R1-BF16:/data/models/unsloth/DeepSeek-R1-BF16:ro",)
    }


def test_a800_with_facts_uses_infiniband():
    interfaces = [{"name": "bond1", "addresses": ["10.30.0.{}"]}, {"name": "eth9", "addresses": ["192.168.1.5"]}]
    rdma = [
        {"name": "mlx5_0", "ports": [{"port": 1, "state": "ACTIVE"}]},
        {"name": "mlx5_1", "ports": [{"port": 1, "state": "DOWN"}]},
    ]
    facts = {}
    for n in range(1, 5):
        mine = [{**i, "addresses": [a.format(10 + n) for a in i["addresses"]]} for i in interfaces]
        facts[f"a800-0{n}"] = {"inferfleet_fabric": {"interfaces": mine, "rdma": rdma}}
    plan = planned("a800", {"cluster_interface": ""}, facts)
    assert plan.problems == []
    for node in plan.nodes.values():
        assert node.interface == node.env["GLOO_SOCKET_IFNAME"] == "bond1"
        assert node.env["NCCL_SOCKET_IFNAME"] == "=bond1"
        assert node.env["NCCL_IB_HCA"] == "=mlx5_0:1"
        assert node.devices == ["/dev/infiniband"]
    assert plan.container.cap_add == ("IPC_LOCK",)


def test_eight_nodes_of_a800_40g(tmp_path):
    source = ROOT / "inventories" / "a800"
    hosts = yaml.safe_load((source / "hosts.yml").read_text())
    for n in range(5, 9):
        hosts["all"]["children"]["ray_worker"]["hosts"][f"a800-0{n}"] = {"ansible_host": f"10.30.0.{10 + n}"}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(hosts))
    (tmp_path / "group_vars").symlink_to(source / "group_vars")
    cluster = plan_cluster(read_inventory(str(tmp_path), {"accelerator": "A800-40G"}), {})
    (plan,), problems = cluster.plans, cluster.problems
    assert (problems, plan.problems) == ([], [])
    assert (plan.tensor_parallel_size, plan.pipeline_parallel_size) == (8, 8)
    assert plan.checkpoint == "unsloth/DeepSeek-R1-BF16"


@pytest.mark.parametrize(
    ("name", "layout", "executor", "length", "tokens"),
    [
        ("h800", (8, 2), "ray", 65536, 65536),
        ("h20", (8, 1), "mp", 65536, 65536),
        ("h200", (8, 1), "mp", 163840, 500_000),
    ],
)
def test_fp8_accelerators(name, layout, executor, length, tokens):
    plan = planned(name)
    assert plan.problems == []
    assert (plan.checkpoint, plan.precision) == ("deepseek-ai/DeepSeek-R1", "fp8")
    assert (plan.tensor_parallel_size, plan.pipeline_parallel_size) == layout
    assert (plan.executor, plan.max_model_len) == (executor, length)
    assert plan.budget.kv_cache_tokens >= tokens
    assert "--nnodes" not in plan.nodes[f"{name}-01"].argv


def test_va16_long_context():
    plan = planned("va16")
    node = plan.nodes["va16-01"]
    assert plan.problems == []
    assert (plan.engine, plan.image) == ("vllm_vacc", "harbor.vastaitech.com/ai_deliver/vllm_vacc:AI3.2_GR_1202")
    assert node.argv == words(
        "vllm serve /weights/DeepSeek-R1-0528 --trust-remote-code --tensor-parallel-size 32 --pipeline-parallel-size 2"
        " --max-model-len 131072 --enforce-eager --reasoning-parser deepseek_r1 --host 0.0.0.0 --port 8000"
        " --served-model-name DeepSeek-R1-0528"
    )
    assert node.env["LLM_MAX_PREFILL_SEQ_LEN"] == "102400"
    assert node.env["FUSE_ALL_DECODER_LAYERS"] == "0"
    assert node.mounts == ["/data/models/deepseek-ai:/weights:ro"]
    assert (plan.container.privileged, plan.container.shm_size, plan.container.ipc_mode) == (True, "256g", "host")
    assert plan.max_num_seqs == 4
    assert node.ray_argv == []


def test_va16_mtp():
    plan = planned("va16", {"engine_mode": "mtp"})
    node = plan.nodes["va16-01"]
    assert plan.problems == []
    assert node.argv == words(
        "vllm serve /weights/DeepSeek-R1-0528 --trust-remote-code --tensor-parallel-size 32 --max-model-len 65536"
        """ --enforce-eager --speculative-config '{"method":"deepseek_mtp","num_speculative_tokens":1}'"""
        " --reasoning-parser deepseek_r1 --host 0.0.0.0 --port 8000 --served-model-name DeepSeek-R1-0528"
    )
    assert "LLM_MAX_PREFILL_SEQ_LEN" not in node.env
    assert "FUSE_ALL_DECODER_LAYERS" not in node.env


def test_va16_on_arm():
    plan = planned("va16", None, {"va16-01": {"architecture": "aarch64"}})
    assert plan.image == "harbor.vastaitech.com/ai_deliver/vllm_vacc:AI3.2_GR_1202_arm"


def test_lab():
    plan = planned("lab")
    assert plan.problems == []
    assert (plan.tensor_parallel_size, plan.pipeline_parallel_size, plan.accelerators) == (2, 1, 2)
    assert plan.nodes["node1"].argv[-1] == "--enforce-eager"
    assert plan.nodes["node2"].argv == []
    assert "--num-gpus=1" in plan.nodes["node2"].ray_argv
    assert plan.nodes["node1"].env["VLLM_CPU_KVCACHE_SPACE"] == "1"
    assert plan.nodes["node1"].env["RAY_USAGE_STATS_ENABLED"] == "0"


def test_lab_with_mp_executor():
    plan = planned("lab", {"executor": "mp"})
    assert plan.problems == []
    head, worker = plan.nodes["node1"].argv, plan.nodes["node2"].argv
    assert head[head.index("--nnodes") :][:6] == words("--nnodes 2 --node-rank 0 --master-addr 198.18.5.11")
    assert worker[worker.index("--node-rank") + 1] == "1"
    assert "--headless" in worker
    assert "--headless" not in head
    assert plan.nodes["node1"].ray_argv == []


@pytest.mark.parametrize("name", sorted(p.name for p in (ROOT / "inventories").iterdir() if (p / "hosts.yml").exists()))
def test_plan_contains_no_secrets(name):
    secrets = {"engine_api_key": "hush-hush-1", "ray_auth_token": "hush-hush-2", "webui_secret_key": "hush-hush-3"}
    plans = plan_cluster(read_inventory(str(ROOT / "inventories" / name), secrets), {}).plans
    assert plans
    assert "hush" not in str([plan.as_dict() for plan in plans])


def test_two_models():
    cluster = plan_cluster(read_inventory(str(ROOT / "inventories" / "two_models")), {})
    plans, problems = cluster.plans, cluster.problems
    assert problems == []
    assert [
        (p.service, p.head, list(p.nodes), p.model, p.tensor_parallel_size, p.pipeline_parallel_size) for p in plans
    ] == [
        ("r1", "h20-01", ["h20-01", "h20-02"], "deepseek-r1", 8, 2),
        ("distill", "a800-01", ["a800-01"], "deepseek-r1-distill-llama-70b", 8, 1),
    ]
    assert [p.problems for p in plans] == [[], []]


def test_problems_name_their_service():
    plans = plan_cluster(
        read_inventory(str(ROOT / "inventories" / "two_models"), {"accelerators_per_node": 1}), {}
    ).plans
    assert [bool(p.problems) for p in plans] == [True, True]
    assert plans[0].problems[0].message.startswith("Service r1: ")
