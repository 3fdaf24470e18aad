"""Layouts where no layout holds the full context: they are compared at the context that they are chosen for."""

import pytest

from inferfleet.planner import estimate
from inferfleet.settings import Settings

LLAMA_70B = "deepseek-r1-distill-llama-70b"


def plan(model, accelerator, nodes, per_node, **settings):
    return estimate(Settings(model=model, **settings), accelerator, nodes=nodes, per_node=per_node).plan


def sizes(planned):
    return planned.tensor_parallel_size, planned.pipeline_parallel_size


def test_tensor_parallelism_stays_inside_nodes_at_the_cost_of_some_context():
    planned = plan(LLAMA_70B, "V100-32G", 2, 4)
    assert sizes(planned) == (4, 2)
    assert planned.max_model_len > 131072 / 2
    assert "tensor-parallel-crosses-nodes" not in {warning.code for warning in planned.warnings}
    reasons = {(c.layout.tensor_parallel_size, c.layout.pipeline_parallel_size): c for c in planned.alternatives}
    assert reasons[8, 1].reason.code == "crosses-nodes"


def test_context_that_only_a_layout_over_nodes_holds():
    """Its own stages hold less than half of what tensor parallelism over two nodes does."""
    planned = plan("kimi-k2.5", "L40S-48G", 4, 4)
    inside = plan("kimi-k2.5", "L40S-48G", 4, 4, tensor_parallel_size=4, pipeline_parallel_size=4)
    assert sizes(planned) == (8, 2)
    assert planned.max_model_len > 2 * inside.max_model_len


def test_requested_context_decides():
    planned = plan(LLAMA_70B, "V100-32G", 2, 4, max_model_len=100000)
    assert sizes(planned) == (8, 1)
    assert planned.works


@pytest.mark.parametrize(("accelerator", "nodes"), [("H800-80G", 2), ("A800-80G", 4), ("H20-96G", 1)])
def test_layouts_of_deepseek_r1_stay_as_the_field_runs_them(accelerator, nodes):
    assert sizes(plan("deepseek-r1", accelerator, nodes, 8)) == (8, nodes)
