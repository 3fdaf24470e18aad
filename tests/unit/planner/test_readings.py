"""The budget compared with measurements of vLLM and SGLang: weights within 1 %, KV cache within 5 %."""

from pathlib import Path

import pytest
import yaml

from inferfleet.catalog import load_accelerator, load_model
from inferfleet.engines import load_engine
from inferfleet.engines.layout import Layout
from inferfleet.planner import estimate
from inferfleet.planner.fit import latent_buffers
from inferfleet.planner.limits import Limits
from inferfleet.planner.memory import stage_budgets
from inferfleet.settings import Settings

FILES = sorted((Path(__file__).parents[2] / "fixtures" / "readings").glob("*.yml"))
RECORDED = [(data, reading) for data in (yaml.safe_load(f.read_text()) for f in FILES) for reading in data["readings"]]
CACHED = [case for case in RECORDED if "kv_cache_tokens" in case[1]["reading"]]
GIB = 2**30


def named(case):
    data, reading = case
    sizes = [f"{key}={reading[key]}" for key in sorted(reading) if key not in ("model", "reading")]
    return "-".join([data["engine"], reading["model"], *sizes]).replace(" ", "")


def version_of(data):
    return next(v for v in load_engine(data["engine"]).versions if v.version == data["engine_version"])


def budgets(data, reading):
    architecture = load_model(reading["model"]).architecture.model_copy(update=reading.get("architecture", {}))
    limits = Limits(
        max_model_len=reading.get("max_model_len", architecture.max_position_embeddings),
        max_num_seqs=reading.get("max_num_seqs", 1024),
        max_num_batched_tokens=reading.get("max_num_batched_tokens", 8192),
        gpu_memory_utilization=reading.get("gpu_memory_utilization", 0.90),
        kv_cache_item_bytes=1 if reading.get("kv_cache_dtype") == "fp8" else 2,
        enforce_eager=reading.get("enforce_eager", True),
        prediction_layers=min(1, reading.get("num_speculative_tokens", 0)),
        num_speculative_tokens=reading.get("num_speculative_tokens", 0),
        **latent_buffers(version_of(data), load_accelerator(data["accelerator"])),
    )
    layout = Layout(
        reading.get("tensor_parallel_size", 1),
        reading.get("pipeline_parallel_size", 1),
        expert_parallel=reading.get("enable_expert_parallel", False),
        data_parallel_size=reading.get("data_parallel_size", 1),
    )
    return stage_budgets(architecture, reading["precision"], layout, limits, data["total_bytes"])


def test_readings_exist():
    assert len(RECORDED) >= 48
    assert {data["engine"] for data, _ in RECORDED} == {"vllm", "sglang"}


@pytest.mark.parametrize("case", RECORDED, ids=named)
def test_weights_within_one_percent(case):
    data, reading = case
    seen = reading["reading"]
    expected = seen.get("weights") or [seen["weights_gib"] * GIB]
    stages = budgets(data, reading)
    for stage, budget in enumerate(stages):
        rank = stage * len(expected) // len(stages)
        assert budget.weights_bytes == pytest.approx(expected[rank], rel=0.01)


@pytest.mark.parametrize("case", CACHED, ids=named)
def test_kv_cache_within_five_percent(case):
    data, reading = case
    stages = budgets(data, reading)
    tokens = min(budget.kv_cache_tokens for budget in stages)
    assert tokens == pytest.approx(reading["reading"]["kv_cache_tokens"], rel=0.05)
    available = reading["reading"].get("kv_cache_bytes")
    for stage, budget in enumerate(stages) if available else ():
        assert budget.kv_cache_bytes == pytest.approx(available[stage * len(available) // len(stages)], rel=0.05)


@pytest.mark.parametrize("case", RECORDED, ids=named)
def test_activations_within_a_quarter_gib(case):
    data, reading = case
    seen = reading["reading"].get("activation")
    stages = budgets(data, reading)
    for stage, budget in enumerate(stages) if seen else ():
        rank = stage * len(seen) // len(stages)
        assert budget.activation_bytes == pytest.approx(seen[rank], abs=GIB // 4)


@pytest.mark.parametrize("case", RECORDED, ids=named)
def test_overhead_and_cuda_graphs_within_a_quarter_gib(case):
    data, reading = case
    seen = reading["reading"]
    stages = budgets(data, reading)
    for stage, budget in enumerate(stages) if "non_torch" in seen else ():
        rank = stage * len(seen["non_torch"]) // len(stages)
        taken = seen["non_torch"][rank] + seen.get("cuda_graphs", [0] * (rank + 1))[rank]
        assert budget.overhead_bytes == pytest.approx(taken, abs=GIB // 4)


def test_catalog_memory_matches_the_readings():
    for data, _ in RECORDED:
        total = load_accelerator(data["accelerator"]).total_bytes
        assert total == pytest.approx(data["total_bytes"], rel=1.2e-3)  # drivers differ


def test_estimate_matches_the_readings():
    settings = {
        "model": "deepseek-r1-distill-qwen-7b",
        "executor": "mp",
        "enforce_eager": True,
        "tensor_parallel_size": 1,
    }
    form = estimate(Settings(**settings), "H200-141G", nodes=1, per_node=1).as_dict()
    assert form["fits"] is True
    assert form["weights_gib_per_gpu"] == pytest.approx(14.32, rel=0.01)
    assert form["kv_cache_gib_per_gpu"] == pytest.approx(109.07, rel=0.01)
    assert form["kv_cache_tokens"] == pytest.approx(2_042_304, rel=0.01)
    assert form["max_concurrency"] == pytest.approx(2_042_304 / 131_072, rel=0.01)


def test_estimate_with_online_quantization():
    settings = {"model": "deepseek-r1-distill-qwen-7b", "executor": "mp", "precision": "fp8", "enforce_eager": True}
    form = estimate(Settings(**settings), "H200-141G", nodes=1, per_node=1).as_dict()
    assert form["weights_gib_per_gpu"] == pytest.approx(8832979968 / GIB, rel=0.01)
    assert form["kv_cache_tokens"] == pytest.approx(2_156_384, rel=0.05)
    assert "No fp8 checkpoint of DeepSeek-R1-Distill-Qwen-7B is published" in form["warnings"][0]["message"]
