"""Command lines and environment of every engine."""

import shlex
import subprocess
import sys

import pytest
from tests.unit.planner.engine_plans import R1, plan_of, words_after

from inferfleet.engines.deepseek_infer.command import build_argv, cast_argv, convert_argv, converted_path
from inferfleet.engines.launch import Launch
from inferfleet.engines.layout import Layout
from inferfleet.engines.python_module import python_module


def test_sglang_multi_node():
    plan = plan_of("sglang")
    assert (plan.problems, plan.executor) == ([], "mp")
    shared = (
        f"sglang.launch_server --model-path {R1} --served-model-name deepseek-r1 --tp-size 16"
        " --dist-init-addr 10.0.0.1:20000 --nnodes 2 --node-rank {} --host 0.0.0.0 --port 8000 --dtype bfloat16"
        " --context-length 32768 --max-running-requests 64 --mem-fraction-static {}{} --reasoning-parser deepseek-r1"
    )
    share = (plan.budget.weights_bytes + plan.budget.kv_cache_bytes) / plan.budget.total_bytes
    given = float(plan.nodes["n0"].argv[plan.nodes["n0"].argv.index("--mem-fraction-static") + 1])
    assert share - 0.01 < given <= share
    starts = [python_module("sglang.launch_server", "--api-key", "INFERFLEET_API_KEY"), ["python3", "-m"]]
    head_only = (
        " --enable-metrics --stream-response-default-include-usage"
        " --uvicorn-access-log-exclude-prefixes /health /metrics"
    )
    for rank, (node, start) in enumerate(zip(plan.nodes.values(), starts, strict=True)):
        words = shlex.split(shared.format(rank, f"{given:.2f}", "" if rank else head_only))
        assert node.argv == [*start, *(words if rank else words[1:])]
        assert node.ray_argv == []
    assert plan.api_key_env == "INFERFLEET_API_KEY"
    assert not any(warning.code == "no-api-key" for warning in plan.warnings)


def test_lmdeploy_with_ray():
    plan = plan_of("lmdeploy", executor="mp", kv_cache_dtype="fp8", max_num_batched_tokens=4096, enforce_eager=True)
    head, worker = plan.nodes.values()
    assert (plan.problems, plan.executor, worker.argv) == ([], "ray", [])
    assert head.ray_argv[:2] == worker.ray_argv[:2] == ["ray", "start"]
    held = plan.budget
    free = held.kv_cache_bytes / (held.total_bytes - held.weights_bytes - held.overhead_bytes)
    given = head.argv[head.argv.index("--cache-max-entry-count") + 1]
    assert free - 0.01 < float(given) <= free < 0.9
    start = python_module("lmdeploy", "--api-keys", "INFERFLEET_API_KEY")
    assert head.argv == start + shlex.split(
        f"serve api_server {R1} --backend pytorch --model-name deepseek-r1 --tp 16 --server-name 0.0.0.0"
        " --server-port 8000 --dtype bfloat16 --session-len 32768 --max-batch-size 64"
        f" --cache-max-entry-count {given} --quant-policy fp8 --max-prefill-token-num 4096 --eager-mode"
        " --enable-prefix-caching --reasoning-parser deepseek-r1"
    )


def test_tensorrt_llm_multi_node_with_mpi():
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
        "mpirun --allow-run-as-root -n 16 -H 10.0.0.1:8,10.0.0.2:8"
        " --mca plm_rsh_agent 'python3 /inferfleet/mpi/launch.py call 29550' --mca plm_rsh_no_tree_spawn 1"
        " trtllm-llmapi-launch trtllm-serve"
    )
    assert head.argv[: len(launcher)] == launcher
    assert head.argv[head.argv.index("--tp_size") :][:6] == ["--tp_size", "16", "--pp_size", "1", "--ep_size", "16"]
    assert worker.argv == shlex.split("python3 /inferfleet/mpi/launch.py listen 10.0.0.2 29550")
    assert head.mounts == worker.mounts == [*node.mounts, "/etc/inferfleet/mpi:/inferfleet/mpi:ro"]
    assert (one.launcher, two.launcher) == ("", "mpi")


def test_mpi_uses_the_cluster_network():
    head = plan_of("tensorrt-llm", cluster_network="10.0.0.0/24").nodes["n0"].argv
    assert head[head.index("oob_tcp_if_include") + 1] == head[head.index("btl_tcp_if_include") + 1] == "10.0.0.0/24"


def test_deepseek_infer_uses_converted_weights_and_warns():
    plan = plan_of("deepseek-infer")
    head, worker = plan.nodes.values()
    assert plan.problems == []
    assert worker.argv == shlex.split(
        "torchrun --nnodes 2 --nproc-per-node 8 --node-rank 1 --master-addr 10.0.0.1 --master-port 8000 generate.py"
        " --ckpt-path /weights/DeepSeek-R1-mp16 --config configs/config_671B.json --interactive"
        " --temperature 0.7 --max-new-tokens 200"
    )
    assert head.mounts == ["/data/models/deepseek-ai:/weights:ro"]
    assert any("without an HTTP API" in str(warning) for warning in plan.warnings)
    assert plan.protocol == "none"
    assert any(f"playbooks/demo.yml creates {R1}-mp16 once" in str(warning) for warning in plan.warnings)


def test_gpustack_server_and_worker_ports():
    plan = plan_of("gpustack")
    head, worker = plan.nodes.values()
    assert plan.problems == []
    assert head.argv == shlex.split("gpustack start --port 8000 --worker-ip 10.0.0.1")
    assert worker.argv == shlex.split("gpustack start --server-url http://10.0.0.1:8000 --worker-ip 10.0.0.2")
    assert "/var/run/docker.sock:/var/run/docker.sock" in head.mounts
    assert plan.container.privileged


def test_vllm_data_parallel_multi_node():
    plan = plan_of("vllm", executor="mp", accelerator="H200-141G", data_parallel_size=16, enable_expert_parallel=True)
    head, worker = (node.argv for node in plan.nodes.values())
    assert plan.problems == []
    assert (plan.tensor_parallel_size, plan.data_parallel_size, plan.expert_parallel_size) == (1, 16, 16)
    shared = "--data-parallel-size 16 --data-parallel-size-local 8 --data-parallel-address 10.0.0.1"
    shared += " --data-parallel-rpc-port 29550"
    assert words_after(head, "--data-parallel-size", 10) == [*shlex.split(shared), "--host", "0.0.0.0"]
    assert words_after(worker, "--data-parallel-size", 11) == [
        *shlex.split(shared),
        *("--data-parallel-start-rank", "8", "--headless"),
    ]
    assert "--nnodes" not in head + worker
    assert "TP 1: the attention of each layer on one accelerator, DP 16" in str(plan.reasons[-1])


def test_replicas_hold_complete_attention_and_a_share_of_experts():
    wide = plan_of("vllm", 1, executor="mp", accelerator="H200-141G", enable_expert_parallel=True)
    replicated = plan_of(
        "vllm", 1, executor="mp", accelerator="H200-141G", data_parallel_size=8, enable_expert_parallel=True
    )
    grown = replicated.budget.weights_bytes - wide.budget.weights_bytes
    # Seven eighths of what tensor parallelism divides of attention, dense layers, shared experts, table and head, in
    # FP8 but for the last two: 187.1 M parameters of attention a layer less the 17.6 M that no rank divides, and the
    # dequantized up-projection in 16 bits.
    attention = 61 * (187_107_328 - 13_500_000) + 61 * 2 * 128 * 256 * 512
    rest = 3 * 3 * 7168 * 18432 + 58 * 3 * 7168 * 2048 + 2 * 2 * 129280 * 7168
    assert grown == pytest.approx((attention + rest) * 7 / 8, rel=0.05)


def test_sglang_data_parallel_attention_flags_by_version():
    new = plan_of("sglang", data_parallel_size=4).nodes["n1"].argv
    assert words_after(new, "--tp-size", 4) == ["--tp-size", "16", "--attn-dp-size", "4"]
    assert words_after(new, "--max-running-requests", 2) == ["--max-running-requests", "256"]  # 64 a replica
    old = plan_of("sglang", 1, accelerator="MI300X-192G", data_parallel_size=8)
    assert old.image == "lmsysorg/sglang:v0.5.16-rocm720-mi30x"
    argv = old.nodes["n0"].argv
    assert words_after(argv, "--tp-size", 5) == ["--tp-size", "8", "--enable-dp-attention", "--dp-size", "8"]


def test_data_parallel_size_one_is_no_data_parallelism():
    one, none = (plan_of("lmdeploy", data_parallel_size=size) for size in (1, 0))
    assert one.problems == []
    assert one.nodes == none.nodes


def test_lmdeploy_uses_turbomind_for_dense_models_on_one_node():
    model = {"model": "deepseek-r1-distill-llama-70b"}

    def backend(nodes, **more):
        plan = plan_of("lmdeploy", nodes, **model, **more)
        assert plan.problems == []
        argv = plan.nodes["n0"].argv
        return argv[argv.index("--backend") + 1]

    assert backend(1, accelerator="V100-32G") == "turbomind"
    assert backend(1) == "turbomind"
    assert backend(2) == "pytorch"
    assert backend(1, kv_cache_dtype="fp8") == "pytorch"
    assert backend(1, enforce_eager=True) == "pytorch"


@pytest.mark.parametrize(
    ("engine", "option"),
    [
        ("vllm", "--no-enable-prefix-caching"),
        ("sglang", "--disable-radix-cache"),
        ("lmdeploy", "--enable-prefix-caching"),
    ],
)
def test_prefix_caching_option(engine, option):
    kept, left = (plan_of(engine, enable_prefix_caching=value).nodes["n0"].argv for value in (True, False))
    assert (option in left, option in kept) == ((False, True) if engine == "lmdeploy" else (True, False))


def test_deepseek_infer_conversion_commands():
    assert convert_argv("/w/R1", "/w/R1-Demo", 16) == shlex.split(
        "python3 convert.py --hf-ckpt-path /w/R1 --save-path /w/R1-Demo --n-experts 256 --model-parallel 16"
    )
    assert cast_argv("/w/R1", "/w/R1-BF16") == shlex.split(
        "python3 fp8_cast_bf16.py --input-fp8-hf-path /w/R1 --output-bf16-hf-path /w/R1-BF16"
    )
    assert converted_path("/w/R1/", 16) == "/w/R1-mp16"
    launch = Launch(
        model_path="/w/R1",
        served_model_name="r1",
        layout=Layout(16),
        executor="mp",
        nodes=2,
        rank=1,
        head="10.0.0.1",
        per_node=8,
        port=29500,
        dtype="bfloat16",
        max_model_len=16384,
        max_num_seqs=8,
        gpu_memory_utilization=0.9,
    )
    assert build_argv(launch, "/w/prompts.txt") == shlex.split(
        "torchrun --nnodes 2 --nproc-per-node 8 --node-rank 1 --master-addr 10.0.0.1 --master-port 29500 generate.py"
        " --ckpt-path /w/R1-mp16 --config configs/config_671B.json --input-file /w/prompts.txt"
    )


def test_api_key_is_not_in_the_process_list(tmp_path):
    """Only the engine and its child processes see the key among their options."""
    package = tmp_path / "engine"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "server.py").write_text(
        "import multiprocessing, pathlib, sys\n"
        "def child(queue):\n"
        "    queue.put((sys.argv, pathlib.Path('/proc/self/cmdline').read_text()))\n"
        "if __name__ == '__main__':\n"
        "    context = multiprocessing.get_context('spawn')\n"
        "    queue = context.Queue()\n"
        "    process = context.Process(target=child, args=(queue,))\n"
        "    process.start()\n"
        "    print(sys.argv[1:], queue.get()[1], pathlib.Path('/proc/self/cmdline').read_text())\n"
        "    process.join()\n"
    )
    argv = [*python_module("engine.server", "--api-key", "KEY"), "--port", "1"]
    env = {"KEY": "hush", "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, *argv[1:]], env=env, capture_output=True, text=True, check=True)
    options, _, processes = done.stdout.partition("]")
    assert options == "['--port', '1', '--api-key', 'hush'"
    assert "spawn_main" in processes
    assert "hush" not in processes
