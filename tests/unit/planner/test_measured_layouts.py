"""The planner's first choice is the best of the measured layouts, or within 5 % of it."""

from pathlib import Path

import pytest
import yaml

from inferfleet.planner import estimate
from inferfleet.settings import Settings

FILES = sorted((Path(__file__).parents[2] / "fixtures" / "layouts").glob("*.yml"))
MEASURED = [(data, model) for data in (yaml.safe_load(f.read_text()) for f in FILES) for model in data["models"]]


@pytest.mark.parametrize(("data", "model"), MEASURED, ids=[model for _, model in MEASURED])
def test_first_choice(data, model):
    layouts = dict(data["models"][model])
    settings = Settings(model=model, executor="mp", **layouts.pop("settings", {}))
    full = data.get("planned_on", data)  # a model that was cut for the measurement needs more accelerators
    plan = estimate(settings, full["accelerator"], nodes=1, per_node=full["accelerators"]).plan
    tensor = plan.tensor_parallel_size * data["accelerators"] // full["accelerators"]
    sizes = (tensor, plan.pipeline_parallel_size, plan.decode_context_parallel_size)
    first = layouts[{(2, 1, 1): "tp2", (1, 2, 1): "pp2", (4, 1, 1): "tp4"}[sizes]]
    for at_once, time in first["request_ms"].items():
        best = min(other["request_ms"][at_once] for other in layouts.values() if at_once in other["request_ms"])
        assert time <= 1.05 * best
    for at_once, rate in first["tokens_per_second"].items():
        assert rate >= 0.95 * max(other.get("tokens_per_second", {}).get(at_once, 0) for other in layouts.values())
