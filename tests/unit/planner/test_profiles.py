"""What each profile chooses, what it leaves out with the reason, and that the user's settings override it."""

import json

import pytest

from inferfleet.catalog import load_model
from inferfleet.engines import load_engines, load_flags
from inferfleet.engines.layout import Layout
from inferfleet.planner import make_plan
from inferfleet.planner.layouts import context_obstacle, most_context_ranks
from inferfleet.planner.limits import Limits
from inferfleet.planner.memory import budget, graph_bytes
from inferfleet.settings import Settings

PROFILES = ("balanced", "latency", "throughput", "long-context")


def plan_of(nodes=1, **settings):
    """Return the plan of R1 on nodes of eight H200; the default executor is mp."""
    machines = {f"n{i}": {"role": "worker" if i else "head", "address": f"10.0.0.{i + 1}"} for i in range(nodes)}
    return make_plan(Settings(**{"accelerator": "H200-141G", "executor": "mp", **settings}), machines)


def reasons(plan):
    return [str(reason) for reason in plan.reasons if reason.code == "profile"]


def options(plan):
    """Return the options of the head's command line with their values."""
    argv = plan.nodes["n0"].argv
    return {word: value for word, value in zip(argv, [*argv[1:], ""], strict=True) if word.startswith("--")}


def limits(**changes):
    return Limits(
        **{
            "max_model_len": 131072,
            "max_num_seqs": 256,
            "max_num_batched_tokens": 8192,
            "gpu_memory_utilization": 0.9,
            "kv_cache_item_bytes": 2,
            **changes,
        }
    )


@pytest.mark.parametrize("accelerator", ["H200-141G", "A800-80G", "V100-32G", "MI300X-192G", "Ascend910B-64G"])
def test_balanced_chooses_nothing(accelerator):
    plan = plan_of(accelerator=accelerator, model="deepseek-r1-distill-qwen-32b", executor="ray")
    chosen = {"--performance-mode", "--decode-context-parallel-size", "--data-parallel-size", "--speculative-config"}
    assert reasons(plan) == []
    assert not chosen & options(plan).keys() if plan.works else plan.problems


def test_latency():
    plan = plan_of(profile="latency")
    found = options(plan)
    assert json.loads(found["--speculative-config"]) == {"method": "mtp", "num_speculative_tokens": 1}
    assert (found["--performance-mode"], found["--max-num-batched-tokens"]) == ("interactivity", "2048")
    assert (plan.profile, plan.tensor_parallel_size, plan.data_parallel_size) == ("latency", 8, 1)
    assert len(reasons(plan)) == 3


def test_latency_leaves_prediction_out_over_pipeline_stages():
    plan = plan_of(2, accelerator="H800-80G", profile="latency")
    assert "--speculative-config" not in options(plan)
    assert reasons(plan)[0].endswith(
        "left out: MTP drafts 1 token per step, so that answers take less time at low load; Variable"
        " num_speculative_tokens is 1, but vLLM does not support speculative decoding with the 2 pipeline stages of"
        " this layout."
    )


def test_latency_of_a_model_without_prediction_layer():
    plan = plan_of(model="deepseek-r1-distill-qwen-7b", profile="latency")
    assert (plan.problems, "--speculative-config" in options(plan)) == ([], False)
    assert options(plan)["--performance-mode"] == "interactivity"


def test_throughput_replicates_attention_where_it_fits():
    plan = plan_of(accelerator="MI300X-192G", profile="throughput")
    sizes = (plan.tensor_parallel_size, plan.data_parallel_size, plan.expert_parallel_size)
    assert (plan.problems, sizes) == ([], (1, 8, 8))
    assert plan.nodes["n0"].env["VLLM_ROCM_USE_AITER"] == "1"
    assert "--performance-mode" not in options(plan)
    # On H200 one accelerator cannot hold attention and the context: the reason names it.
    narrow = plan_of(profile="throughput")
    assert (narrow.tensor_parallel_size, narrow.data_parallel_size) == (2, 4)
    assert "8 replicas with TP 1" in reasons(narrow)[1]
    assert "the context would be shortened to" in reasons(narrow)[1]
    balanced = plan_of()
    assert narrow.budget.kv_cache_tokens * 4 > balanced.budget.kv_cache_tokens
    assert narrow.max_model_len == balanced.max_model_len


def test_throughput_of_grouped_query_attention_keeps_a_key_value_head_on_each_rank():
    plan = plan_of(model="qwen3-235b-a22b", profile="throughput")  # four key-value heads
    assert (plan.problems, plan.tensor_parallel_size, plan.data_parallel_size) == ([], 4, 2)
    dense = plan_of(model="deepseek-r1-distill-qwen-14b", profile="throughput")
    assert (dense.tensor_parallel_size, dense.data_parallel_size) == (8, 1)  # docs/en/measurements.md
    assert options(dense)["--performance-mode"] == "throughput"
    assert "up to 16384 tokens" in reasons(dense)[0]


@pytest.mark.parametrize(
    ("nodes", "settings", "why"),
    [
        (1, {"executor": "ray"}, "but executor is ray"),
        (2, {"accelerator": "H800-80G"}, "across nodes it needs DeepEP's kernels"),
    ],
)
def test_throughput_reports_why_attention_is_not_replicated(nodes, settings, why):
    plan = plan_of(nodes, profile="throughput", **settings)
    assert plan.data_parallel_size == 1
    assert why in reasons(plan)[0]


def test_the_doubled_batch_is_counted():
    one = plan_of(model="deepseek-r1-distill-qwen-32b")
    two = plan_of(model="deepseek-r1-distill-qwen-32b", profile="throughput")
    same = plan_of(model="deepseek-r1-distill-qwen-32b", max_num_batched_tokens=16384)
    assert two.budget.activation_bytes == same.budget.activation_bytes > one.budget.activation_bytes


def test_long_context():
    plan, balanced = plan_of(profile="long-context"), plan_of()
    found = options(plan)
    assert (found["--decode-context-parallel-size"], found["--kv-cache-dtype"]) == ("8", "fp8")
    assert (plan.problems, plan.decode_context_parallel_size) == ([], 8)
    assert plan.budget.kv_cache_tokens == pytest.approx(16 * balanced.budget.kv_cache_tokens, rel=0.02)
    assert "DCP 8" in str(plan.reasons[-1])


def test_long_context_where_the_two_exclude_each_other():
    plan = plan_of(2, accelerator="H800-80G", engine_version="0.17.1", profile="long-context")
    assert (plan.engine_version, plan.decode_context_parallel_size, plan.kv_cache_dtype) == ("0.17.1", 8, "auto")
    assert "vLLM 0.17.1 does not support it" in reasons(plan)[1]


def test_long_context_on_a_card_without_fp8():
    plan = plan_of(accelerator="A800-80G", model="deepseek-r1-distill-llama-70b", profile="long-context")
    assert (plan.kv_cache_dtype, plan.decode_context_parallel_size) == ("auto", 1)
    assert "A800-80G does not compute FP8" in reasons(plan)[0]


def test_sparse_attention_divides_an_fp8_cache_only():
    plan = plan_of(model="deepseek-v3.2", profile="long-context")
    assert (plan.kv_cache_dtype, plan.decode_context_parallel_size) == ("fp8", 8)
    kept = plan_of(model="deepseek-v3.2", profile="long-context", kv_cache_dtype="bfloat16")
    assert (kept.problems, kept.decode_context_parallel_size) == ([], 1)


@pytest.mark.parametrize(
    ("profile", "settings", "gone"),
    [
        ("latency", {"num_speculative_tokens": 0}, "--speculative-config"),
        ("latency", {"performance_mode": "balanced"}, ""),
        ("latency", {"max_num_batched_tokens": 4096}, ""),
        ("throughput", {"data_parallel_size": 1}, "--data-parallel-size"),
        ("throughput", {"tensor_parallel_size": 8}, "--data-parallel-size"),
        ("long-context", {"decode_context_parallel_size": 1}, "--decode-context-parallel-size"),
        ("long-context", {"kv_cache_dtype": "bfloat16"}, ""),
    ],
)
def test_a_setting_of_the_user_overrides_the_profile(profile, settings, gone):
    plan = plan_of(profile=profile, **settings)
    found = options(plan)
    assert (plan.problems, gone in found) == ([], False)
    for key, value in settings.items():
        if value not in (0, 1):
            assert found[f"--{key.replace('_', '-')}"] == str(value)


def test_environment_of_the_user_overrides_the_profile():
    plan = plan_of(accelerator="MI300X-192G", profile="latency", engine_extra_env={"VLLM_ROCM_USE_AITER": "0"})
    assert plan.nodes["n0"].env["VLLM_ROCM_USE_AITER"] == "0"
    # 64 heads over 8 ranks: AITER's latent attention has no kernel for 8 heads.
    kimi = plan_of(2, accelerator="MI300X-192G", model="kimi-k2-instruct", profile="latency")
    assert "VLLM_ROCM_USE_AITER" not in kimi.nodes["n0"].env


def test_sglang():
    latency, throughput, long = (plan_of(engine="sglang", profile=name) for name in PROFILES[1:])
    assert options(latency)["--speculative-num-draft-tokens"] == "4"
    assert options(throughput)["--attn-dp-size"] == "4"
    assert "--ep-size" not in options(throughput)
    assert options(long)["--kv-cache-dtype"] == "fp8_e4m3"
    # Its guide for two nodes of eight H100: --tp 16 --dp 2.
    several = plan_of(2, engine="sglang", accelerator="H800-80G", profile="throughput")
    assert (options(several)["--tp-size"], options(several)["--attn-dp-size"]) == ("16", "2")


@pytest.mark.parametrize("profile", PROFILES[1:])
@pytest.mark.parametrize(
    "settings",
    [
        {"accelerator": "VA16-128G", "engine": "vllm_vacc"},
        {"accelerator": "V100-32G", "model": "deepseek-r1-distill-qwen-32b", "executor": "ray"},
        {"accelerator": "Ascend910B-64G", "model": "deepseek-r1-distill-qwen-32b"},
        {"engine": "lmdeploy"},
    ],
    ids=lambda settings: settings.get("accelerator", settings.get("engine")),
)
def test_nothing_is_chosen_without_a_source(profile, settings):
    plan, balanced = plan_of(profile=profile, **settings), plan_of(**settings)
    assert plan.problems == balanced.problems == []
    assert plan.nodes == balanced.nodes
    assert [reason.split(": ")[1].split(" for ")[0] for reason in reasons(plan)] == ["nothing is chosen"]


def test_profiles_choose_only_what_the_engine_has():
    for name, engine in load_engines().items():
        for profile in engine.profiles.values():
            chosen = {
                "decode_context_parallel_size": profile.decode_context_parallel,
                "kv_cache_dtype": profile.fp8_kv_cache,
                "data_parallel_size": profile.data_parallel,
                "enable_expert_parallel": profile.expert_parallel,
                **profile.model_dump(include={"num_speculative_tokens", "max_num_batched_tokens", "performance_mode"}),
            }
            assert {key for key, value in chosen.items() if value} <= set(engine.settings), name


def test_the_options_are_in_the_flags_of_the_versions():
    engine = load_engines()["vllm"]
    for version in engine.versions:
        if flags := load_flags("vllm", version.version):
            known = {name for option in flags.options for name in option}
            assert ("--decode-context-parallel-size" in known) == bool(version.decode_context)
            assert ("--performance-mode" in known) == version.profiles


def test_divided_cache_holds_the_tokens_of_all_ranks():
    # vllm-project/recipes, models/moonshotai/Kimi-K2-Thinking.yaml: 715,072 tokens with TP 8, 5,721,088 with DCP 8.
    arch = load_model("kimi-k2-thinking").architecture
    eager = limits(enforce_eager=True)
    one, eight = (budget(arch, "int4", Layout(8, 1, 1, False, ranks), eager, 150_000 << 20) for ranks in (1, 8))
    assert eight.kv_cache_tokens / one.kv_cache_tokens == pytest.approx(5_721_088 / 715_072, rel=0.001)
    assert eight.kv_cache_bytes == one.kv_cache_bytes
    assert eight.max_concurrency == pytest.approx(8 * one.max_concurrency)


def test_ranks_that_divide_the_cache_hold_the_partial_results_of_all_heads():
    arch = load_model("deepseek-r1").architecture
    one, eight = (graph_bytes(arch, Layout(8, 1, 1, False, ranks), limits(), 61) for ranks in (1, 8))
    assert eight > 32 * 256 * 128 * 512 * 4 > one  # 32 partial results of 256 sequences in float32
    # FlashMLA, with an FP8 cache, has no such buffer.
    fp8 = limits(kv_cache_item_bytes=1)
    assert graph_bytes(arch, Layout(8, 1, 1, False, 8), fp8, 61) == graph_bytes(arch, Layout(8), fp8, 61)


def test_finer_graphs_take_memory():
    arch = load_model("deepseek-r1-distill-qwen-7b").architecture
    coarse, fine = (graph_bytes(arch, Layout(), limits(fine_graphs=fine), 28) for fine in (False, True))
    # 25 sizes up to 32 more than 1, 2, 4, 8, 16, 24 and 32: piecewise and full.
    assert fine - coarse == 25 * (int(28 * 0.15 * 2**20) + 2 * 2**20)


@pytest.mark.parametrize(
    ("model", "tensor", "most"),
    [
        ("deepseek-r1", 8, 8),
        ("kimi-k2-thinking", 16, 16),  # docs/serving/context_parallel_deployment.md: 16 without any copy
        ("qwen3-235b-a22b", 8, 2),  # the same page: "add -dcp 2"
        ("qwen3-235b-a22b", 4, 1),
        ("deepseek-r1-distill-llama-70b", 8, 1),
        ("gpt-oss-120b", 8, 1),  # every second layer has a window
    ],
)
def test_most_ranks_that_can_divide_the_cache(model, tensor, most):
    arch = load_model(model).architecture
    assert most_context_ranks(arch, tensor) == most
    assert context_obstacle(arch, tensor, most) is None
