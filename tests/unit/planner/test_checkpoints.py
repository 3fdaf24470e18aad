"""Checkpoints that are not in the catalog."""

import pytest

from inferfleet.planner import make_plan
from inferfleet.settings import Settings

NODES = {f"n{i}": {"role": "worker" if i else "head", "address": f"10.0.0.{i + 1}"} for i in range(2)}


def planned(checkpoint):
    return make_plan(Settings(accelerator="H200-141G", checkpoint=checkpoint), NODES)


@pytest.mark.parametrize(
    ("checkpoint", "nearest", "model"),
    [
        ("deepseek-ai/deepseek-r1", "deepseek-ai/DeepSeek-R1", "deepseek-r1"),
        ("deepseekai/DeepSeek-R1", "deepseek-ai/DeepSeek-R1", "deepseek-r1"),
        ("deepseek-ai/DeepSeek-R1-Ditsill-Qwen-32B", "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B", "…-qwen-32b"),
    ],
)
def test_typos_are_refused(checkpoint, nearest, model):
    (problem,) = planned(checkpoint).problems
    assert (problem.code, problem.parameters["nearest"]) == ("unknown-name", nearest)
    assert problem.parameters["other"].endswith(model.removeprefix("…"))


@pytest.mark.parametrize(
    ("checkpoint", "nearest"),
    [
        ("unsloth/DeepSeek-R1-FP16", "unsloth/DeepSeek-R1-BF16"),
        ("deepseek-ai/DeepSeek-R1-Zero", "deepseek-ai/DeepSeek-R1"),
        ("zai-org/GLM-4.5V", "zai-org/GLM-4.5"),
        ("example/r1-finetuned", ""),
    ],
)
def test_others_are_planned_with_a_warning(checkpoint, nearest):
    plan = planned(checkpoint)
    (warning,) = [warning for warning in plan.warnings if warning.code == "checkpoint-unknown"]
    assert plan.problems == []
    assert warning.parameters["nearest"] == nearest


def test_modelscope_is_never_another_checkpoint():
    assert planned("").checkpoint_modelscope == "deepseek-ai/DeepSeek-R1"
    assert planned("example/r1-finetuned").checkpoint_modelscope == "example/r1-finetuned"
