"""Layouts of one node: no pipeline stages where its ranks can divide the KV cache instead."""

import pytest

from inferfleet.catalog import load_accelerators, load_models
from inferfleet.planner.divided_cache import cache_kind
from inferfleet.planner.estimate import estimate
from inferfleet.settings import Settings

LARGE = ("deepseek-r1", "deepseek-v3.2", "kimi-k2-thinking", "kimi-k2.5", "qwen3-235b-a22b-instruct-2507")
FAST = ("nvswitch", "nvlink", "xgmi")


def planned(model, accelerator, nodes=1, **settings):
    plan = estimate(Settings(model=model, **settings), accelerator, nodes, 0).plan
    assert plan.works, [str(problem) for problem in plan.problems]
    return plan


def sizes(plan):
    return plan.tensor_parallel_size, plan.pipeline_parallel_size, plan.decode_context_parallel_size


@pytest.mark.parametrize(
    ("model", "accelerator", "expected"),
    [
        ("kimi-k2.5", "H20-96G", (8, 1, 4)),  # the recipe is for "8x H200/H20"; TP 8 alone holds half of it
        ("qwen3-235b-a22b-instruct-2507", "H100-80G", (8, 1, 2)),
        ("kimi-k2.5", "H200-141G", (8, 1, 1)),  # which needs no division
        ("kimi-k2.5", "RTXPRO6000-96G", (4, 2, 1)),  # over PCIe stages cost less than dividing every layer
    ],
)
def test_ranks_divide_the_cache_before_stages_divide_the_layers(model, accelerator, expected):
    plan = planned(model, accelerator)
    assert sizes(plan) == expected
    assert plan.max_model_len == 262144


def test_settings_of_the_user_decide():
    assert sizes(planned("kimi-k2.5", "H20-96G", decode_context_parallel_size=1)) == (4, 2, 1)
    assert sizes(planned("kimi-k2.5", "H20-96G", tensor_parallel_size=8)) == (8, 1, 1)
    assert sizes(planned("kimi-k2.5", "H20-96G", nodes=2, replicas=1)) == (8, 2, 1)


def test_engine_without_the_option_keeps_the_stages():
    assert sizes(planned("kimi-k2.5", "H20-96G", engine="sglang"))[2] == 1


@pytest.mark.parametrize("model", LARGE)
def test_stages_within_a_node_have_a_reason(model):
    for name, accelerator in load_accelerators().items():
        plan = estimate(Settings(model=model), name, 1, 0).plan
        if accelerator.vendor in ("cpu", "community") or not plan.works or plan.pipeline_parallel_size == 1:
            continue
        wide = {c.layout: c for c in plan.alternatives if c.layout.pipeline_parallel_size == 1}
        assert accelerator.interconnect not in FAST or not any(c.fits for c in wide.values()), (name, sizes(plan))


def test_name_of_a_cache_is_that_of_the_engine_data():
    kinds = {model: cache_kind(load_models()[model].architecture, "auto") for model in LARGE}
    assert set(kinds.values()) == {"latent", "sparse", "grouped"}
    assert cache_kind(load_models()["deepseek-r1"].architecture, "fp8_e4m3") == "latent-fp8"
