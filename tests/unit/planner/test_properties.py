"""Properties of every plan."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from inferfleet.catalog import load_accelerators, load_models
from inferfleet.engines.layout import Layout
from inferfleet.planner import estimate, make_plan
from inferfleet.planner.limits import Limits
from inferfleet.planner.memory import stage_budgets
from inferfleet.planner.replicas import plan_service
from inferfleet.settings import Settings

MODELS = sorted(name for name in load_models() if name != "tiny-r1")
NVIDIA = sorted(name for name, entry in load_accelerators().items() if entry.vendor == "nvidia")


def fleet(count):
    return {
        f"n{i}": {"role": "worker" if i else "head", "address": f"10.0.{i // 250}.{i % 250 + 1}"} for i in range(count)
    }


def settings_of(model, accelerator, per_node, nodes, **more):
    return {
        "model": model,
        "accelerator": accelerator,
        "accelerators_per_node": per_node,
        "executor": "ray" if nodes > 1 else "mp",
        **more,
    }


models, accelerators = st.sampled_from(MODELS), st.sampled_from(NVIDIA)
per_nodes, node_counts = st.sampled_from([1, 2, 4, 8]), st.integers(1, 6)


@given(models, accelerators, per_nodes, node_counts)
def test_more_nodes_never_break_the_fit(model, accelerator, per_node, nodes):
    contract = settings_of(model, accelerator, per_node, 2)
    smaller = make_plan(Settings(**contract), fleet(nodes + 1))
    larger = make_plan(Settings(**contract), fleet(nodes + 2))
    if smaller.works and smaller.pipeline_parallel_size == nodes + 1:
        assert larger.works, larger.problems


@given(
    models,
    accelerators,
    st.sampled_from([1, 2, 4, 8, 16]),
    st.integers(1, 8),
    st.floats(0.1, 1),
    st.sampled_from([1, 2]),
    st.booleans(),
)
def test_bytes_add_up(model, accelerator, tensor, pipeline, share, item, eager):
    architecture = load_models()[model].architecture
    total = load_accelerators()[accelerator].total_bytes
    limits = Limits(8192, 64, 2048, share, item, eager)
    for precision in ("bf16", "fp8", "int4"):
        for held in stage_budgets(architecture, precision, Layout(tensor, pipeline), limits, total):
            parts = (
                held.weights_bytes + held.activation_bytes + held.overhead_bytes + held.kv_cache_bytes + held.free_bytes
            )
            assert parts == held.total_bytes == total
            assert architecture.layer_types or held.kv_cache_tokens % 16 == 0  # complete blocks


@given(models, st.sampled_from([1, 2, 4, 8]), st.integers(1, 8))
def test_more_ranks_never_increase_weights_per_rank(model, tensor, pipeline):
    architecture = load_models()[model].architecture
    limits = Limits(8192, 64, 2048, 0.9, 2)

    def most(layout):
        return max(b.weights_bytes for b in stage_budgets(architecture, "bf16", layout, limits, 1 << 40))

    assert most(Layout(2 * tensor, pipeline)) <= most(Layout(tensor, pipeline))
    assert most(Layout(tensor, pipeline + 1)) <= most(Layout(tensor, pipeline))


@given(models, accelerators, per_nodes, node_counts, st.sampled_from(["auto", "fp8"]))
def test_every_plan_passes_its_checks(model, accelerator, per_node, nodes, kv_cache_dtype):
    contract = settings_of(model, accelerator, per_node, nodes, kv_cache_dtype=kv_cache_dtype)
    plan = make_plan(Settings(**contract), fleet(nodes))
    if not plan.works:
        return
    fixed = contract | {
        "checkpoint": plan.checkpoint,
        "precision": plan.precision,
        "dtype": plan.dtype,
        "engine_version": plan.engine_version,
        "tensor_parallel_size": plan.tensor_parallel_size,
        "pipeline_parallel_size": plan.pipeline_parallel_size,
        "decode_context_parallel_size": plan.decode_context_parallel_size,
        "max_model_len": plan.max_model_len,
        "max_num_seqs": plan.max_num_seqs,
    }
    again = make_plan(Settings(**fixed), fleet(nodes))
    assert again.problems == []
    assert again.nodes == plan.nodes
    assert again.budget == plan.budget


@given(models, accelerators, per_nodes, node_counts)
def test_remedies_of_problems_work(model, accelerator, per_node, nodes):
    contract = settings_of(model, accelerator, per_node, nodes)
    plan = make_plan(Settings(**contract), fleet(nodes))
    for problem in plan.problems:
        change = dict(getattr(problem, "change", {}))
        if change:
            healed = make_plan(
                Settings(**contract | {"executor": "ray"} | {k: v for k, v in change.items() if k != "nodes"}),
                fleet(change.get("nodes", nodes)),
            )
            assert problem.code not in {p.code for p in healed.problems}, (problem, healed.problems)


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FACTS = (
    *("accelerators", "interfaces", "rdma", "driver_version", "architecture", "shm_bytes", "disk", "present"),
    *("fabric_manager_version", "interface", "accelerator", "model_root", "address", "role", "routes", "cluster_rdma"),
)
DEVICE = (
    "index",
    "name",
    "memory_mib",
    "mig",
    "ecc_uncorrectable",
    "fabric_state",
    "persistence",
    "ports",
    "affinity",
    "mtu",
    "speed_mbps",
    "addresses",
)
devices = st.lists(
    st.dictionaries(st.sampled_from(DEVICE), junk | st.just("NVIDIA H800"), max_size=5) | junk, max_size=3
)


@given(st.dictionaries(st.sampled_from(FACTS), junk | devices, max_size=8), st.booleans())
def test_arbitrary_facts_do_not_crash_the_planner(facts, declared):
    contract = {"accelerator": "H800-80G" if declared else "", "cluster_network": "10.0.0.0/24"}
    plan = make_plan(
        Settings(**contract), {"n0": {"role": "head", "address": "10.0.0.1", **facts}, "n1": {"role": "worker"}}
    )
    assert plan.as_dict()["problems"] == [p.as_dict() for p in plan.problems]


KEYS = (
    *(
        "model",
        "engine",
        "engine_version",
        "engine_image",
        "engine_mode",
        "executor",
        "precision",
        "dtype",
        "checkpoint",
    ),
    *("tensor_parallel_size", "pipeline_parallel_size", "max_model_len", "max_num_seqs", "gpu_memory_utilization"),
    *("num_speculative_tokens", "kv_cache_dtype", "accelerator", "accelerators_per_node", "max_num_batched_tokens"),
)


@given(
    st.dictionaries(
        st.sampled_from(KEYS),
        st.sampled_from(
            ["", "auto", "vllm", "fp8", "half", "mp", "H20-96G", "deepseek-v3", 0, 1, 3, 8, 61, 10**9, -1, 0.5]
        ),
        max_size=6,
    ),
    st.integers(1, 5),
)
def test_arbitrary_settings_do_not_crash_the_planner(contract, nodes):
    settings = {"accelerator": "A800-80G"}
    for key, value in contract.items():
        with contextlib.suppress(ValidationError):
            settings = Settings(**settings | {key: value}).model_dump(exclude_unset=True)
    plan = make_plan(Settings(**settings), fleet(nodes))
    assert isinstance(plan.works, bool)


SIZES = ("tensor_parallel_size", "pipeline_parallel_size", "max_model_len", "max_num_seqs", "max_num_batched_tokens")


@pytest.mark.parametrize("key", [*SIZES, "num_speculative_tokens", "accelerators_per_node"])
def test_huge_sizes_are_rejected_quickly(key):
    started = time.process_time()
    plan = make_plan(Settings(**{"accelerator": "H800-80G", key: 10**12}), fleet(2))
    assert time.process_time() - started < 1
    assert not plan.works


@pytest.mark.parametrize(("model", "accelerator"), [("deepseek-r1", "H800-80G"), ("deepseek-r1", "V100-32G")])
def test_64_nodes_within_a_second(model, accelerator):
    started = time.process_time()
    plan = make_plan(Settings(**settings_of(model, accelerator, 8, 64)), fleet(64))
    assert time.process_time() - started < 1
    assert plan.accelerators == 512


@pytest.mark.parametrize(
    ("model", "accelerator"), [("deepseek-r1", "H800-80G"), ("kimi-k2.5", "T4-16G"), ("deepseek-v4-pro", "H20-96G")]
)
def test_replicas_of_64_nodes_within_a_second(model, accelerator):
    requested = Settings(model=model, accelerator=accelerator, accelerators_per_node=8, executor="mp")
    started = time.process_time()
    plans = plan_service(requested.model_copy(update={"replicas": 0}), fleet(64))
    assert time.process_time() - started < 1
    assert sum(len(plan.nodes) for plan in plans) == 64


def test_an_estimate_is_a_plan():
    form = estimate(Settings(model="deepseek-r1", executor="mp"), "H200", nodes=1, per_node=8).as_dict()
    parts = ("weights", "kv_cache", "overhead", "free")
    assert sum(form[f"{part}_gib_per_gpu"] for part in parts) == pytest.approx(form["memory_gib_per_gpu"], abs=0.01)
    assert form["problems"] == []


EVERYWHERE = sorted(name for name in load_accelerators() if name != "cpu")
ENGINES = ("auto", "vllm", "sglang", "lmdeploy", "tensorrt-llm", "deepseek-infer", "vllm_vacc")
FIRST = {load_models()[name].architecture.name: name for name in reversed(MODELS)}
"""The first model of each architecture; the others take the same way through the planner."""
EVERY_MODEL = [pytest.param(name, marks=[pytest.mark.thorough] * (name not in FIRST.values())) for name in MODELS]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("model", EVERY_MODEL)
def test_model_alone_plans_on_supported_hardware(model, engine):
    """With only the hardware given, the plan is valid, or its problems name the requirements."""
    for accelerator in EVERYWHERE:
        for nodes in (1, 2):
            contract = {"model": model, "engine": engine, "accelerator": accelerator}
            plan = make_plan(Settings(**contract), fleet(nodes))
            if plan.works:
                assert plan.nodes["n0"].argv, (accelerator, nodes)
                assert plan.served_model_name == model
                assert plan.budget.kv_cache_tokens >= plan.max_model_len >= 4096
            else:
                assert {p.code for p in plan.problems} <= {
                    *("engine-unsupported", "does-not-fit", "precision-unsupported", "executor-unsupported"),
                    *("tensor-parallel-indivisible", "accelerators-missing", "no-checkpoint"),
                }, (accelerator, nodes, plan.problems)
                assert all(p.remedy for p in plan.problems)


@pytest.mark.parametrize("model", [name for name in MODELS if "distill" in name])
@pytest.mark.parametrize("accelerator", [name for name in NVIDIA if name != "T4-16G"])
def test_every_distill_fits_on_some_node_of_every_sufficient_accelerator(model, accelerator):
    plan = make_plan(Settings(model=model, engine="auto", accelerator=accelerator), fleet(1))
    size = load_models()[model].checkpoints[0].tensor_bytes
    held = load_accelerators()[accelerator]
    if size < 0.6 * held.total_bytes * held.per_node:
        assert plan.works, plan.problems
