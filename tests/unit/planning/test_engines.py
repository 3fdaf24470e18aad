"""Each engine's command line, word for word, and what a plan says of the engine."""

import itertools
import shlex

import pytest

from inferfleet.catalog import load_accelerators, load_engines
from inferfleet.planning import estimate, make_plan

R1 = "/data/models/deepseek-ai/DeepSeek-R1"


def plan_of(engine, nodes=2, **contract):
    """Return the plan for R1 on nodes of eight H800; the contract's own default executor is ray."""
    machines = {f"n{i}": {"role": "worker" if i else "head", "address": f"10.0.0.{i + 1}"} for i in range(nodes)}
    base = {"engine": engine, "accelerator": "H800-80G", "engine_port": 8000, "max_model_len": 32768}
    return make_plan({**base, "max_num_seqs": 64, **contract}, machines)


def test_every_engine_on_every_accelerator_has_a_plan_or_a_refusal():
    engines = [*load_engines(), "auto"]
    for accelerator, engine, nodes, executor in itertools.product(load_accelerators(), engines, (1, 2), ("ray", "mp")):
        asked = {"model": "deepseek-r1", "engine": engine, "executor": executor}
        plan = estimate(asked, accelerator, nodes, 0).plan
        assert plan.problems or plan.nodes["node1"].argv, (accelerator, engine, nodes, executor)


def test_sglang_over_nodes():
    plan = plan_of("sglang")
    assert (plan.problems, plan.executor) == ([], "mp")
    shared = (
        f"python3 -m sglang.launch_server --model-path {R1} --served-model-name deepseek-r1 --tp-size 16"
        " --dist-init-addr 10.0.0.1:20000 --nnodes 2 --node-rank {} --host 0.0.0.0 --port 8000 --dtype bfloat16"
        " --context-length 32768 --max-running-requests 64 --mem-fraction-static {} --reasoning-parser deepseek-r1"
    )
    share = (plan.budget.weights_bytes + plan.budget.kv_cache_bytes) / plan.budget.total_bytes
    given = float(plan.nodes["n0"].argv[plan.nodes["n0"].argv.index("--mem-fraction-static") + 1])
    assert share - 0.01 < given <= share
    for rank, node in enumerate(plan.nodes.values()):
        assert node.argv == shlex.split(shared.format(rank, f"{given:.2f}"))
        assert node.ray_argv == []
    assert any("not given engine_api_key" in warning for warning in plan.warnings)


def test_sglang_takes_every_setting():
    argv = (
        plan_of(
            "sglang",
            kv_cache_dtype="fp8",
            enable_expert_parallel=True,
            max_num_batched_tokens=4096,
            num_speculative_tokens=1,
            enforce_eager=True,
        )
        .nodes["n0"]
        .argv
    )
    words = shlex.split(
        "--kv-cache-dtype fp8_e4m3 --chunked-prefill-size 4096 --ep-size 16 --cuda-graph-backend-decode disabled"
        " --cuda-graph-backend-prefill disabled --reasoning-parser deepseek-r1 --speculative-algorithm EAGLE"
        " --speculative-num-steps 1 --speculative-eagle-topk 1 --speculative-num-draft-tokens 2"
    )
    assert argv[argv.index("--kv-cache-dtype") :] == words


def test_lmdeploy_over_ray():
    plan = plan_of("lmdeploy", executor="mp", kv_cache_dtype="fp8", max_num_batched_tokens=4096, enforce_eager=True)
    head, worker = plan.nodes.values()
    assert (plan.problems, plan.executor, worker.argv) == ([], "ray", [])
    assert head.ray_argv[:2] == worker.ray_argv[:2] == ["ray", "start"]
    held = plan.budget
    free = held.kv_cache_bytes / (held.total_bytes - held.weights_bytes - held.overhead_bytes)
    given = head.argv[head.argv.index("--cache-max-entry-count") + 1]
    assert free - 0.01 < float(given) <= free < 0.9
    assert head.argv == shlex.split(
        f"lmdeploy serve api_server {R1} --backend pytorch --model-name deepseek-r1 --tp 16 --server-name 0.0.0.0"
        " --server-port 8000 --dtype bfloat16 --session-len 32768 --max-batch-size 64"
        f" --cache-max-entry-count {given} --quant-policy fp8 --max-prefill-token-num 4096 --eager-mode"
        " --reasoning-parser deepseek-r1"
    )


def test_tensorrt_llm_names_the_model_by_its_folder_and_spans_nodes_by_mpi():
    one, two = plan_of("tensorrt-llm", 1, accelerator="H200-141G"), plan_of("tensorrt-llm", enable_expert_parallel=True)
    [node], (head, worker) = one.nodes.values(), two.nodes.values()
    assert one.problems == two.problems == []
    assert node.mounts == [f"{R1}:/models/deepseek-r1:ro"]
    fraction = node.argv[node.argv.index("--kv_cache_free_gpu_memory_fraction") + 1]
    assert node.argv == shlex.split(
        "trtllm-serve /models/deepseek-r1 --host 0.0.0.0 --port 8000 --backend pytorch --tp_size 8 --pp_size 1"
        f" --max_batch_size 64 --max_seq_len 32768 --kv_cache_free_gpu_memory_fraction {fraction}"
        " --reasoning_parser deepseek-r1 --trust_remote_code"
    )
    launcher = shlex.split(
        "mpirun --allow-run-as-root -n 16 -H 10.0.0.1:8,10.0.0.2:8 trtllm-llmapi-launch trtllm-serve"
    )
    assert head.argv[: len(launcher)] == launcher
    assert head.argv[head.argv.index("--tp_size") :][:6] == ["--tp_size", "16", "--pp_size", "1", "--ep_size", "16"]
    assert worker.argv == []
    assert any("sshd" in warning for warning in two.warnings)
    assert not any("sshd" in warning for warning in one.warnings)


def test_deepseek_infer_sees_the_divided_weights_and_says_what_it_is_not():
    plan = plan_of("deepseek-infer")
    head, worker = plan.nodes.values()
    assert plan.problems == []
    assert worker.argv == shlex.split(
        "torchrun --nnodes 2 --nproc-per-node 8 --node-rank 1 --master-addr 10.0.0.1 --master-port 8000 generate.py"
        " --ckpt-path /weights/DeepSeek-R1-mp16 --config configs/config_671B.json --interactive"
    )
    assert head.mounts == ["/data/models/deepseek-ai:/weights:ro"]
    assert any("serves no HTTP" in warning for warning in plan.warnings)
    assert any(f"--save-path {R1}-mp16 --n-experts 256 --model-parallel 16" in warning for warning in plan.warnings)


def test_gpustack_listens_where_its_workers_look():
    plan = plan_of("gpustack")
    head, worker = plan.nodes.values()
    assert plan.problems == []
    assert head.argv == shlex.split("gpustack start --port 8000 --worker-ip 10.0.0.1")
    assert worker.argv == shlex.split("gpustack start --server-url http://10.0.0.1:8000 --worker-ip 10.0.0.2")
    assert "/var/run/docker.sock:/var/run/docker.sock" in head.mounts
    assert plan.container.privileged


@pytest.mark.parametrize("engine", ["lmdeploy", "tensorrt-llm", "deepseek-infer", "gpustack"])
def test_a_setting_without_an_option_is_refused(engine):
    problem = plan_of(engine, num_speculative_tokens=1).problems[0]
    title = load_engines()[engine].title
    assert str(problem) == (
        f"Variable num_speculative_tokens is 1, but inferfleet knows no option of {title} for it."
        " Set num_speculative_tokens to 0."
    )


def test_a_layout_that_cannot_be_has_no_cautions():
    plan = plan_of("vllm", 4, tensor_parallel_size=7)
    assert [p.code for p in plan.problems] == ["tensor-parallel-indivisible"]
    assert not any("idle" in warning or "crosses" in warning for warning in plan.warnings)


def test_a_precision_that_was_asked_for_is_said_to_be():
    plan = plan_of("vllm", 1, accelerator="A100-80G", precision="int4", executor="mp")
    assert "cognitivecomputations/DeepSeek-R1-AWQ (int4): as asked for" in plan.reasons
