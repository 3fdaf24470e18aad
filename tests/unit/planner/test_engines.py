"""Engines, checkpoints and images of R1 on each accelerator, and the warnings and reasons in the plan."""

import itertools
import json
import shlex

import pytest
from tests.unit.planner.engine_plans import plan_of, words_after

from inferfleet.catalog import load_accelerators
from inferfleet.components import load_component
from inferfleet.engines import load_engines
from inferfleet.planner import estimate, make_plan
from inferfleet.settings import Settings


@pytest.mark.thorough
def test_every_engine_and_accelerator_has_a_plan_or_problems():
    engines = [*load_engines(), "auto"]
    for accelerator, engine, nodes, executor in itertools.product(load_accelerators(), engines, (1, 2), ("ray", "mp")):
        settings = {"model": "deepseek-r1", "engine": engine, "executor": executor}
        plan = estimate(Settings(**settings), accelerator, nodes, 0).plan
        assert plan.problems or plan.nodes["node1"].argv, (accelerator, engine, nodes, executor)


@pytest.mark.parametrize(
    ("engine", "accelerator", "image"),
    [
        ("vllm", "Ascend910B-64G", "quay.io/ascend/vllm-ascend:v0.23.0"),
        ("vllm", "Ascend910C-64G", "quay.io/ascend/vllm-ascend:v0.23.0-a3"),
        ("vllm", "MI355X-288G", "vllm/vllm-openai-rocm:v0.31.0"),
        ("sglang", "MI325X-256G", "lmsysorg/sglang:v0.5.16-rocm720-mi30x"),
        ("sglang", "MI355X-288G", "lmsysorg/sglang:v0.5.16-rocm720-mi35x"),
    ],
)
def test_accelerator_with_an_image_of_its_own(engine, accelerator, image):
    plan = plan_of(engine, 1, accelerator=accelerator, model="deepseek-r1-distill-llama-70b", executor="mp")
    assert (plan.problems, plan.image) == ([], image)


@pytest.mark.parametrize(
    ("accelerator", "per_node"), [("B300-270G", 8), ("GB200-186G", 4), ("GB300-278G", 4), ("MI355X-288G", 8)]
)
def test_r1_in_fp8_on_one_node(accelerator, per_node):
    plan = plan_of("vllm", 1, accelerator=accelerator, executor="mp", max_model_len=8192)
    assert (plan.problems, plan.precision) == ([], "fp8")
    assert (plan.tensor_parallel_size, plan.pipeline_parallel_size) == (per_node, 1)


@pytest.mark.parametrize(
    ("engine", "options"), [("vllm", []), ("sglang", ["--quantization", "modelopt_fp4"]), ("tensorrt-llm", [])]
)
def test_r1_in_nvfp4_on_four_b200(engine, options):
    plan = plan_of(engine, 1, accelerator="B200-180G", accelerators_per_node=4, executor="mp", precision="nvfp4")
    assert (plan.problems, plan.checkpoint) == ([], "nvidia/DeepSeek-R1-NVFP4-v2")
    assert plan.tensor_parallel_size == 4
    argv = plan.nodes["n0"].argv
    assert argv[argv.index("--quantization") :][:2] == options if options else "--quantization" not in argv
    assert "lossy-checkpoint" in {warning.code for warning in plan.warnings}
    # 0.5625 bytes a weight of feed-forward layers and output projections, of which a rank holds a quarter; 2 bytes for
    # the other projections of latent attention, whose down-projections every rank holds, for table and head.
    expert, dense = 3 * 7168 * 2048, 3 * 7168 * 18432
    quantized = (3 * dense + 58 * 257 * expert + 61 * 16384 * 7168) * 0.5625 / 4
    down, up = 7168 * (1536 + 576), 1536 * 24576 + 512 * 32768
    rest = 61 * 2 * (down + up / 4) + 58 * 256 * 7168 * 2 + 2 * 2 * 129280 * 7168 / 4
    assert plan.budget.weights_bytes == pytest.approx(quantized + rest, rel=0.005)


@pytest.mark.parametrize("accelerator", ["H200-141G", "MI355X-288G", "Ascend910C-64G"])
def test_nvfp4_requires_its_matrix_units(accelerator):
    plan = plan_of("vllm", 1, accelerator=accelerator, executor="mp", precision="nvfp4")
    assert [problem.code for problem in plan.problems] == ["precision-unsupported"]


@pytest.mark.parametrize(
    ("accelerator", "nodes", "ranks"), [("Ascend910B-64G", 2, (8, 2)), ("Ascend910C-64G", 1, (16, 1))]
)
def test_r1_in_w8a8_on_ascend(accelerator, nodes, ranks):
    plan = plan_of("vllm", nodes, accelerator=accelerator, executor="mp", precision="int8")
    assert (plan.problems, plan.checkpoint_hub) == ([], "modelscope")
    assert plan.checkpoint == plan.checkpoint_modelscope == "vllm-ascend/DeepSeek-R1-W8A8"
    assert (plan.tensor_parallel_size, plan.pipeline_parallel_size) == ranks
    assert words_after(plan.nodes["n0"].argv, "--quantization", 2) == ["--quantization", "ascend"]
    bf16 = plan_of("vllm", nodes, accelerator=accelerator, executor="mp")
    assert [problem.code for problem in bf16.problems] == ["does-not-fit"]
    assert "vllm-ascend/DeepSeek-R1-W8A8" in bf16.problems[0].remedy


def test_ascend_checkpoints_are_for_ascend_only():
    plan = plan_of("vllm", 2, accelerator="A800-80G", precision="int8")
    assert [problem.code for problem in plan.problems] == ["precision-unsupported"]
    assert "Ascend" not in plan.problems[0].remedy
    assert "vllm-ascend" not in plan.problems[0].remedy


@pytest.mark.parametrize(
    ("version", "executor", "method"),
    [("0.32.0", "mp", "mtp"), ("0.17.1", "ray", "mtp"), ("0.8.5.post1", "ray", "deepseek_mtp")],
)
def test_method_of_prediction_layers(version, executor, method):
    settings = {"engine_version": version, "executor": executor, "num_speculative_tokens": 1}
    plan = plan_of("vllm", 1, accelerator="H200-141G", **settings)
    assert plan.problems == []
    [form] = words_after(plan.nodes["n0"].argv, "--speculative-config", 2)[1:]
    assert json.loads(form) == {"method": method, "num_speculative_tokens": 1}


def test_sglang_supports_every_setting():
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
        " --cuda-graph-backend-prefill disabled --enable-metrics --stream-response-default-include-usage"
        " --uvicorn-access-log-exclude-prefixes /health /metrics --reasoning-parser deepseek-r1"
        " --speculative-algorithm EAGLE --speculative-num-steps 1"
        " --speculative-eagle-topk 1 --speculative-num-draft-tokens 2"
    )
    assert argv[argv.index("--kv-cache-dtype") :] == words


@pytest.mark.parametrize("engine", ["lmdeploy", "tensorrt-llm", "deepseek-infer", "gpustack"])
def test_setting_without_option_is_refused(engine):
    problem = plan_of(engine, num_speculative_tokens=1).problems[0]
    title = load_engines()[engine].title
    assert str(problem) == (
        f"Variable num_speculative_tokens is 1, but inferfleet has no matching option for {title}."
        " Set num_speculative_tokens to 0."
    )


def test_invalid_layout_has_no_warnings():
    plan = plan_of("vllm", 4, tensor_parallel_size=7)
    assert [p.code for p in plan.problems] == ["tensor-parallel-indivisible"]
    assert not {"idle-accelerators", "tensor-parallel-crosses-nodes"} & {warning.code for warning in plan.warnings}


def test_configured_precision_is_the_reason():
    plan = plan_of("vllm", 1, accelerator="A100-80G", precision="int4", executor="mp")
    assert "cognitivecomputations/DeepSeek-R1-AWQ (int4): as configured" in map(str, plan.reasons)


def test_r1_0528_tool_calls():
    settings = {"model": "deepseek-r1-0528", "enable_auto_tool_choice": True, "accelerator": "H200-141G"}
    vllm, sglang = plan_of("vllm", 1, executor="mp", **settings), plan_of("sglang", 1, **settings)
    name = "tool_chat_template_deepseekr1.jinja"
    assert words_after(vllm.nodes["n0"].argv, "--enable-auto-tool-choice", 5) == shlex.split(
        f"--enable-auto-tool-choice --tool-call-parser deepseek_v3 --chat-template /vllm-workspace/examples/{name}"
    )
    assert words_after(sglang.nodes["n0"].argv, "--tool-call-parser", 4) == shlex.split(
        f"--tool-call-parser deepseekv3 --chat-template /sgl-workspace/sglang/examples/chat_template/{name}"
    )


def test_vendor_web_ui_image_by_cpu_architecture():
    facts = {"n0": {"role": "head", "address": "10.0.0.1", "architecture": "aarch64"}}
    base = {"engine": "vllm_vacc", "accelerator": "VA16-128G", "model": "deepseek-r1-0528"}
    image = "harbor.vastaitech.com/ai_deliver/vast-webui:latest"
    assert make_plan(Settings(**base), facts).webui_image == f"{image}_arm"
    assert plan_of(**base, nodes=1, engine_port=0).webui_image == image
    assert plan_of("vllm").webui_image == load_component("webui").image
    assert plan_of("vllm", webui_image="site/webui:1").webui_image == "site/webui:1"
