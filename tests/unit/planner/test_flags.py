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
