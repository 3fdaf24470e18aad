"""Whether a replica is supervised, and its longest time without progress."""

from dataclasses import replace
from pathlib import Path

import pytest

from inferfleet.catalog import load_models
from inferfleet.engines import load_engines
from inferfleet.inventory.read import read_inventory
from inferfleet.planner import make_plan, plan_cluster
from inferfleet.planner.limits import Limits
from inferfleet.planner.supervision import hang_seconds, step_seconds
from inferfleet.settings import Settings

INVENTORY = str(Path(__file__).parents[3] / "inventories" / "two_models")
NODES = {f"n{i}": {"role": "worker" if i else "head", "address": f"10.0.0.{i + 1}"} for i in range(2)}
R1 = load_models()["deepseek-r1"].architecture
LIMITS = Limits(32768, 256, 8192, 0.9, 2)


def plan_of(**settings):
    return make_plan(Settings(model="deepseek-r1", accelerator="H20-141G", **settings), NODES)


def test_parameters_that_compute_a_token_are_those_of_its_experts():
    """DeepSeek-R1 activates 37 B of 671 B parameters per token (its README), with embedding and head."""
    short = replace(LIMITS, max_model_len=1, max_num_batched_tokens=1)
    per_token = step_seconds(R1, short, 1, "nvidia") * 1e13 / 2
    assert per_token + 2 * R1.vocab_size * R1.hidden_size == pytest.approx(37e9, rel=0.02)


def test_step_grows_with_context_and_batch_and_is_divided_by_ranks():
    one = step_seconds(R1, LIMITS, 1, "nvidia")
    assert step_seconds(R1, LIMITS, 8, "nvidia") == pytest.approx(one / 8)
    assert step_seconds(R1, replace(LIMITS, max_model_len=65536), 1, "nvidia") > one
    assert step_seconds(R1, replace(LIMITS, max_num_batched_tokens=16384), 1, "nvidia") == pytest.approx(2 * one)
    assert step_seconds(R1, LIMITS, 1, "cpu") > one


@pytest.mark.parametrize(
    ("step", "has_metrics", "seconds"), [(0.1, True, 60), (70.2, True, 141), (1e6, True, 300), (0.1, False, 600)]
)
def test_hang_seconds_are_bounded(step, has_metrics, seconds):
    assert hang_seconds(step, has_metrics=has_metrics) == seconds


def test_setting_beats_the_derived_time():
    assert plan_of(supervisor_hang_seconds=17).hang_seconds == 17
    assert 60 <= plan_of().hang_seconds <= 300


@pytest.mark.parametrize(
    ("settings", "supervised"),
    [({}, True), ({"supervisor_enabled": False}, False), ({"engine": "gpustack"}, False), ({"engine": "sglang"}, True)],
)
def test_only_engines_that_restart_nothing_themselves_are_supervised(settings, supervised):
    plan = plan_of(**settings)
    assert (plan.supervised, plan.hang_seconds > 0) == (supervised, supervised)


@pytest.mark.parametrize(("value", "codes"), [(True, []), (False, ["supervisor-off"])])
def test_switched_off_supervisor_is_a_warning(value, codes):
    cluster = plan_cluster(read_inventory(INVENTORY, {"supervisor_enabled": value}))
    shown = [warning.code for plan in cluster.plans for warning in plan.warnings if "supervisor" in warning.code]
    assert shown == codes


def test_metrics_are_known_of_all_engines_that_have_them_by_default():
    without = {name for name, engine in load_engines().items() if engine.metrics is None}
    assert without == {"deepseek-infer", "gpustack", "tensorrt-llm"}
