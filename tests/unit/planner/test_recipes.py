"""Results of the planner, and the memory that vLLM's recipes demand for a checkpoint (tests/fixtures/recipes.yml)."""

from pathlib import Path

import pytest
import yaml

from inferfleet.catalog import load_models
from inferfleet.planner import estimate
from inferfleet.settings import Settings

RECIPES = yaml.safe_load((Path(__file__).parents[2] / "fixtures" / "recipes.yml").read_text())
MODELS = {checkpoint.id: name for name, model in load_models().items() for checkpoint in model.checkpoints}
MARGIN = 1.2
"""By which a recipe's minimum exceeds the weights."""
SERVERS = (1, 2, 4, 8)
NOT_ABOUT_MEMORY = {"precision-unsupported", "engine-unsupported"}
WITHOUT_MARGIN = {("moonshotai/Kimi-K2-Thinking", "H100-80G")}
"""The recipe's 600 GB are the files alone (594 GB): on eight H100 70.9 of 71.2 usable GiB, and activations on top."""


def assess(checkpoint: str, accelerator: str, count: int):
    settings = Settings(model=MODELS[checkpoint], checkpoint=checkpoint, engine="vllm")
    return estimate(settings, accelerator, nodes=1, per_node=count).plan


FAST = "H100-80G"
ACCELERATORS = [pytest.param(name, marks=[pytest.mark.slow] * (name != FAST)) for name in RECIPES["accelerators"]]


@pytest.mark.parametrize("accelerator", ACCELERATORS)
@pytest.mark.parametrize("checkpoint", RECIPES["minimum_gb"])
def test_smallest_server_of_the_recipe(checkpoint, accelerator):
    size, minimum = RECIPES["accelerators"][accelerator], RECIPES["minimum_gb"][checkpoint]
    enough = [count for count in SERVERS if count * size >= minimum]
    if enough:
        refused = {problem.code for problem in assess(checkpoint, accelerator, enough[0]).problems}
        if (checkpoint, accelerator) in WITHOUT_MARGIN:
            assert refused == {"does-not-fit"}
        else:
            assert refused <= NOT_ABOUT_MEMORY
    smaller = [count for count in SERVERS if count * size < minimum]
    if smaller and not assess(checkpoint, accelerator, smaller[-1]).problems:  # within the recipe's margin
        assert smaller[-1] * size >= minimum / MARGIN
