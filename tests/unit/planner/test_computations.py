"""How much is computed for a plan, which must not grow with the number of layouts and stages."""

import pytest

from inferfleet.planner import weights
from inferfleet.planner.estimate import estimate
from inferfleet.planner.matrix import Matrix
from inferfleet.settings import Settings


@pytest.mark.parametrize(("model", "accelerator"), [("kimi-k2.5", "T4-16G"), ("deepseek-r1", "H200-141G")])
def test_a_layer_is_divided_once_for_each_number_of_ranks(monkeypatch, model, accelerator):
    """Of a plan for 64 nodes; each stage of each layout divided the vision encoder again: 207,390 divisions."""
    divided = []
    original = Matrix.on_rank
    monkeypatch.setattr(Matrix, "on_rank", lambda *given, **named: divided.append(1) or original(*given, **named))
    for function in (weights.stage_weights, weights._layer_bytes, weights._vision_bytes, weights._prediction_bytes):
        function.cache_clear()
    plan = estimate(Settings(model=model), accelerator, 64, 0).plan
    assert plan.model == model
    assert 0 < len(divided) < 5000
