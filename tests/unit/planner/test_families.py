"""Families of models: published sizes of checkpoints, and caches of their tokens (tests/fixtures/models)."""

from pathlib import Path

import pytest
import yaml

from inferfleet.catalog.architecture import architecture_from_config, precision_from_config
from inferfleet.catalog.family import load_families
from inferfleet.engines import load_engines
from inferfleet.engines.layout import Layout
from inferfleet.planner.layouts import Rules, divisibility
from inferfleet.planner.memory import kv_bytes_per_token
from inferfleet.planner.weights import checkpoint_bytes, stage_weights

FILES = sorted((Path(__file__).parents[2] / "fixtures" / "models").glob("*.yml"))
MODELS = {file.stem: yaml.safe_load(file.read_text()) for file in FILES}
IN_CATALOG = {"LlamaForCausalLM", "Qwen2ForCausalLM", "DeepseekV3ForCausalLM"}


def read(name, **changes):
    return architecture_from_config(MODELS[name]["config"] | changes)


@pytest.mark.parametrize("name", MODELS)
def test_tensor_bytes(name):
    known = MODELS[name]
    assert checkpoint_bytes(read(name), precision_from_config(known["config"])) == known["tensor_bytes"]


@pytest.mark.parametrize("name", MODELS)
def test_cache_of_a_token(name):
    arch = read(name)
    for tensor, size in MODELS[name]["kv_bytes"].items():
        assert kv_bytes_per_token(arch, Layout(tensor), 2) * arch.num_hidden_layers == size


@pytest.mark.parametrize("name", MODELS)
def test_layouts_hold_the_entire_checkpoint(name):
    arch, precision = read(name), precision_from_config(MODELS[name]["config"])
    total = MODELS[name]["tensor_bytes"]
    for layout in (Layout(4), Layout(2, 2), Layout(1, 4)):
        if not divisibility(arch, precision, layout, Rules()):
            held = sum(stage_weights(arch, precision, layout, prediction_layers=arch.num_nextn_predict_layers))
            assert held * layout.tensor_parallel_size > 0.9 * total


def test_every_family_has_a_published_model():
    tested = {model["config"]["architectures"][0] for model in MODELS.values()}
    assert load_families().keys() - tested - IN_CATALOG == set()


def test_engines_name_known_architectures():
    for engine in load_engines().values():
        assert set(engine.architectures) <= load_families().keys()
        for version in engine.versions:
            assert set(version.lacks) <= set(engine.architectures)


def test_experts_of_qwen3_in_fp8_blocks_limit_tensor_parallelism():
    blocks = {"quant_method": "fp8", "weight_block_size": [128, 128]}
    arch = read("qwen3-235b-a22b", quantization_config=blocks)
    assert not divisibility(arch, "fp8", Layout(4), Rules())
    assert divisibility(arch, "fp8", Layout(8), Rules())  # 1536 / 8 = 192
    assert not divisibility(arch, "fp8", Layout(8, 1, 1, True), Rules())
    assert not divisibility(read("qwen3-235b-a22b"), "bf16", Layout(8), Rules())


def test_width_of_layers_that_do_not_exist_is_no_limit():
    arch = read("qwen3-235b-a22b", intermediate_size=12289)
    assert not divisibility(arch, "bf16", Layout(4), Rules())
