"""Every remedy the planner offers, applied as data, leads to a plan that works."""

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferfleet.catalog import load_accelerators, load_models
from inferfleet.engines import load_engines
from inferfleet.planner import Refusal, make_plan
from inferfleet.planner.remedies import applied
from inferfleet.planner.replicas import plan_service
from inferfleet.settings import Settings

MODELS = sorted(load_models().keys() - {"tiny-r1"})
DISTINCT = ["deepseek-r1", *(name for name in MODELS if "distill" in name)]
BETWEEN = [f"deepseek-r1-distill-{name}" for name in ("qwen-7b", "qwen-14b", "llama-8b")]
"""Models of a size between those of others of their architecture."""
DISTINCT += [
    "deepseek-v3.2",
    "glm-4.6",
    "gpt-oss-120b",
    "kimi-k2-thinking",
    "qwen3-235b-a22b",
    "qwen3-next-80b-a3b-instruct",
]
EVERY_MODEL = [pytest.param(name, marks=[pytest.mark.thorough] * (name in BETWEEN)) for name in DISTINCT]
ACCELERATORS = sorted(name for name in load_accelerators() if name != "cpu")
ENGINES = ("auto", *load_engines())
ODD = (
    {},
    {"gpu_memory_utilization": 0.0001},
    {"gpu_memory_utilization": 0.5},
    {"max_num_seqs": 1_000_000},
    {"max_num_batched_tokens": 131072},
    {"max_model_len": 131072},
    {"max_model_len": 1_000_000},
    {"kv_cache_dtype": "fp8"},
    *({"precision": precision} for precision in ("bf16", "fp8", "int8", "int4")),
    {"dtype": "bfloat16"},
    *({"tensor_parallel_size": size} for size in (3, 4, 16)),
    *({"pipeline_parallel_size": size} for size in (2, 4, 40)),
    {"data_parallel_size": 2},
    {"data_parallel_size": 8, "tensor_parallel_size": 1},
    {"enable_expert_parallel": True},
    {"enable_auto_tool_choice": True},
    {"num_speculative_tokens": 2},
    *({"accelerators_per_node": count} for count in (1, 2, 3, 16)),
)


def fleet(count):
    return {f"n{i}": {"role": "worker" if i else "head", "address": f"10.0.0.{i + 1}"} for i in range(count)}


def one_replica(settings, nodes):
    return (make_plan(settings, nodes),)


def check(settings, nodes, planned=one_replica):
    """Assert that each remedy of a plan removes its problem and causes no other."""
    problems = [problem for plan in planned(settings, nodes) for problem in plan.problems]
    before = Counter(problem.code for problem in problems)
    for problem in problems:
        for remedy in problem.remedies if isinstance(problem, Refusal) else ():
            after = [other for plan in planned(*applied(settings, nodes, remedy.change)) for other in plan.problems]
            codes = Counter(other.code for other in after if other.code != "shared-address")
            assert not codes - (before - Counter([problem.code])), (str(problem), remedy, after)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("model", EVERY_MODEL)
def test_remedies_on_every_fleet(model, engine):
    for accelerator, nodes in itertools.product(ACCELERATORS, (1, 3)):
        executor = "ray" if nodes > 1 else "mp"
        check(Settings(model=model, accelerator=accelerator, engine=engine, executor=executor), fleet(nodes))


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("replicas", [2, 3, 4])
@pytest.mark.parametrize("model", ["deepseek-r1", "deepseek-r1-distill-llama-70b"])
def test_remedies_of_a_fixed_number_of_replicas(model, replicas, count):
    for accelerator in ACCELERATORS:
        check(Settings(model=model, accelerator=accelerator, replicas=replicas), fleet(count), plan_service)


def test_a_remedy_that_needs_all_nodes_resets_the_number_of_replicas():
    settings = Settings(model="glm-4.6", accelerator="T4-16G", replicas=2)
    [problem] = plan_service(settings, fleet(4))[0].problems
    assert problem.code == "does-not-fit"
    [smaller] = [remedy for remedy in problem.remedies if "model" in remedy.change]
    assert smaller.change["replicas"] == 0
    assert str(smaller.text).endswith("replicas")


def test_a_wrong_name_is_corrected_whatever_else_is_wrong():
    settings = Settings(model="deepsek-r1", accelerator="H800-80G", engine_extra_args=["--no-such", "--nor-this"])
    [problem] = make_plan(settings, fleet(2)).problems
    assert problem.change == {"model": "deepseek-r1"}


@given(
    st.sampled_from(MODELS),
    st.sampled_from(ACCELERATORS),
    st.sampled_from(ENGINES),
    st.sampled_from(["ray", "mp"]),
    st.integers(1, 9),
    st.lists(st.sampled_from(ODD), max_size=2),
    st.integers(0, 5),
)
def test_remedies_of_unusual_settings(model, accelerator, engine, executor, nodes, odd, replicas):
    settings = {"model": model, "accelerator": accelerator, "engine": engine, "executor": executor}
    settings |= {"replicas": replicas}
    planned = plan_service if replicas else one_replica
    for change in odd:
        settings |= change
    check(Settings(**settings), fleet(nodes), planned)
