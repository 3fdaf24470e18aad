"""The benchmark presets of the catalog."""

import pytest
from pydantic import ValidationError

from inferfleet.bench import Preset, load_presets
from inferfleet.catalog import UnknownNameError
from inferfleet.catalog.loader import pick

GOOD = {"title": "x", "input_len": 8, "output_len": 8, "num_prompts": 4, "concurrency": [1]}


def test_required_presets_exist():
    assert list(load_presets()) == ["smoke", "latency", "throughput", "long-context", "va16"]


def test_vendor_preset_matches_vendor_benchmark():
    va16 = load_presets()["va16"]
    assert (va16.num_prompts, va16.input_len, va16.output_len, va16.concurrency) == (3, 128, 1024, (1,))


def test_every_concurrency_is_reached():
    for name, preset in load_presets().items():
        assert all(preset.prompts_at(c) >= c for c in preset.concurrency), name
        assert list(preset.concurrency) == sorted(set(preset.concurrency)), name


def test_prompts_grow_with_concurrency():
    throughput = load_presets()["throughput"]
    assert [throughput.prompts_at(c) for c in (4, 64)] == [40, 640]


@pytest.mark.parametrize(
    "wrong",
    [
        {"num_prompts": None},
        {"prompts_per_concurrency": 10},
        {"concurrency": []},
        {"concurrency": [0]},
        {"input_len": 0},
        {"inputlen": 8},
    ],
)
def test_invalid_preset_is_refused(wrong):
    with pytest.raises(ValidationError):
        Preset.model_validate(GOOD | wrong)


def test_unknown_preset_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="Did you mean throughput"):
        pick("bench_preset", "troughput", load_presets())
