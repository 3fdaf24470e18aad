"""Options in engine_extra_args."""

import pytest

from inferfleet.planner import make_plan
from inferfleet.settings import Settings

ONE = {"n1": {"role": "head", "address": "10.0.0.1"}}
BASE = {"accelerator": "H200-141G", "executor": "mp"}


def plan_with(*arguments, **contract):
    return make_plan(Settings(**BASE | {"engine_extra_args": list(arguments)} | contract), ONE)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--seed", "-1", "--max-logprobs=5"],
        ["--max_logprobs", "5"],
        ["--compilation-config.mode", "3", "-O3"],
        ["--trust-remote-code", "--no-enable-log-requests"],
        ["--disable-log-requests"],
    ],
)
def test_existing_vllm_options(arguments):
    plan = plan_with(*arguments)
    assert plan.problems == []
    assert plan.nodes["n1"].argv[-len(arguments) :] == arguments
    assert not any(warning.code == "flags-unchecked" for warning in plan.warnings)


@pytest.mark.parametrize("spelling", ["--tensor-parallel-size 4", "--tensor_parallel_size=4", "-tp 4"])
def test_every_spelling_of_a_managed_option_is_refused(spelling):
    [problem] = plan_with(*spelling.split()).problems
    assert problem.code == "flag-managed"
    assert problem.remedy.startswith("Set tensor_parallel_size instead")
    assert problem.change == {"engine_extra_args": []}


def test_arguments_after_the_remedy():
    [problem] = plan_with("--seed", "7", "--prot", "1", "2", "--max-logprobs", "5").problems
    assert problem.change == {"engine_extra_args": ["--seed", "7", "--max-logprobs", "5"]}


def test_api_key_is_not_shown():
    [problem] = plan_with("--api-key=hush").problems
    assert "hush" not in str(problem)


@pytest.mark.parametrize(
    ("contract", "what"),
    [
        ({"engine_image": "registry.example.com/ours:latest"}, "registry.example.com/ours:latest"),
        ({"accelerator": "Ascend910B-64G", "model": "deepseek-r1-distill-qwen-7b"}, "vLLM 0.23.0"),
    ],
)
def test_unchecked_options_are_a_warning(contract, what):
    plan = plan_with("--no-such-option", **contract)
    assert plan.problems == []
    [warning] = [w for w in plan.warnings if w.code == "flags-unchecked"]
    assert warning.parameters == {"flags": ["--no-such-option"], "engine": what}


def test_image_of_a_known_version_is_checked():
    plan = plan_with("--no-such-option", engine_image="registry.example.com/vllm:v0.32.0")
    assert [p.code for p in plan.problems] == ["flag-unsupported"]


def test_incomplete_list_accepts_unknown_options():
    known, unknown = (plan_with(flag, engine="tensorrt-llm") for flag in ("--log_level", "--no_such_option"))
    assert (known.problems, unknown.problems) == ([], [])
    assert [bool([w for w in plan.warnings if w.code == "flags-unchecked"]) for plan in (known, unknown)] == [
        False,
        True,
    ]


RENAMED = {
    ("vllm", "--guided-decoding-backend xgrammar"): "--structured-outputs-config.backend xgrammar",
    ("vllm", "--guided_decoding_backend=xgrammar"): "--structured-outputs-config.backend=xgrammar",
    ("vllm", "--guided-decoding-disable-fallback"): "--structured-outputs-config.disable_fallback true",
    ("vllm", "--disable-log-requests"): "--no-enable-log-requests",
    ("sglang", "--enable-flashinfer-mla"): "--attention-backend flashinfer",
    ("sglang", "--enable-deepep-moe"): "--moe-a2a-backend deepep",
}


@pytest.mark.parametrize(("engine", "old"), RENAMED)
def test_renamed_options_have_their_new_name(engine, old):
    new = RENAMED[engine, old]
    version = "0.32.0" if engine == "vllm" else ""  # 0.33.0 has --disable-log-requests again
    [problem] = plan_with(*old.split(), "--trust-remote-code", engine=engine, engine_version=version).problems
    assert problem.code == "flag-unsupported"
    assert problem.remedy.startswith(f"Write {new.split()[0].split('=')[0]}")
    assert problem.change == {"engine_extra_args": [*new.split(), "--trust-remote-code"]}
    assert plan_with(*new.split(), engine=engine).problems == []


@pytest.mark.parametrize(
    ("engine", "old", "new"),
    [
        ("vllm", "--task generate", "--runner, --convert"),
        ("vllm", "--enable-flashinfer-mla", "--attention-backend"),
        ("vllm", "--enable-reasoning", "--reasoning-parser"),
        ("vllm", "--enable-ep-moe", "enable_expert_parallel"),
        ("sglang", "--enable-ep-moe", "enable_expert_parallel"),
    ],
)
def test_replaced_options_name_what_replaced_them(engine, old, new):
    [problem] = plan_with(*old.split(), engine=engine).problems
    assert new in problem.remedy
    assert problem.change == {"engine_extra_args": []}


@pytest.mark.parametrize(
    ("word", "nearest"),
    [("--max-log-probs", "--max-logprobs"), ("--enable-eplbb", "--enable-eplb"), ("--swap-spaces", ""), ("--prot", "")],
)
def test_only_a_typo_is_a_suggestion(word, nearest):
    [problem] = plan_with(word).problems
    assert problem.parameters.get("nearest", "") == nearest


@pytest.mark.parametrize(
    ("words", "right"),
    [
        ("--enable-chunked-prefill=False", "--no-enable-chunked-prefill"),
        ("--enable-chunked-prefill false", "--no-enable-chunked-prefill"),
        ("--no-enable-chunked-prefill true", "--no-enable-chunked-prefill"),
        ("--no-enable-chunked-prefill=false", "--enable-chunked-prefill"),
        ("--disable-chunked-prefill=true", "--no-enable-chunked-prefill"),
        ("--disable-chunked-prefill=false", "--enable-chunked-prefill"),
        ("--disable-cascade-attn=true", "--disable-cascade-attn"),
        ("--trust-remote-code true --seed 1", "--trust-remote-code --seed 1"),
    ],
)
def test_switches_have_no_value(words, right):
    [problem] = plan_with(*words.split()).problems
    assert problem.code == "flag-unsupported"
    assert problem.change == {"engine_extra_args": right.split()}
    assert plan_with(*right.split()).problems == []


def test_reasoning_parser_of_the_plan_is_refused():
    [problem] = plan_with("--reasoning-parser", "qwen3").problems
    assert problem.code == "flag-managed"


def test_quantization_must_be_that_of_the_checkpoint():
    [problem] = plan_with("--quantization", "awq", "--seed", "1").problems
    assert problem.change == {"engine_extra_args": ["--seed", "1"]}
    assert plan_with("--quantization=fp8").problems == []
