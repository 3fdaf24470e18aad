"""Accelerators of the community: planned for an image of the user, and marked as such."""

import pytest

from inferfleet.catalog import load_accelerators
from inferfleet.engines import load_engines
from inferfleet.planner import make_plan
from inferfleet.planner.community import COMMUNITY
from inferfleet.settings import Settings

MODEL = "deepseek-r1-distill-qwen-7b"
NODES = {"n0": {"role": "head", "address": "10.0.0.1"}}
ENTRIES = {name: entry for name, entry in load_accelerators().items() if entry.vendor == COMMUNITY}


def planned(accelerator, **settings):
    return make_plan(Settings(model=MODEL, accelerator=accelerator, executor="mp", **settings), NODES)


@pytest.mark.parametrize("name", ENTRIES)
def test_an_image_is_required_and_then_planned(name):
    refused = planned(name)
    (problem,) = refused.problems
    assert (problem.code, problem.change["engine_image"]) == ("engine-unsupported", ENTRIES[name].images["vllm"])
    plan = planned(name, **problem.change)
    assert plan.works
    assert (plan.vendor, plan.image) == (COMMUNITY, ENTRIES[name].images["vllm"])
    assert "community" in {warning.code for warning in plan.warnings}
    node = plan.nodes["n0"]
    assert set(node.devices) == set(ENTRIES[name].devices)
    assert set(ENTRIES[name].mounts) <= set(node.mounts)
    assert not plan.container.gpus


@pytest.mark.parametrize("name", ENTRIES)
def test_images_are_of_engines_that_plan_them(name):
    for engine, image in ENTRIES[name].images.items():
        assert COMMUNITY in load_engines()[engine].vendors
        plan = planned(name, engine=engine, engine_image=image)
        assert (plan.works, plan.engine) == (True, engine)


def test_other_engines_do_not_plan_them():
    (problem,) = planned("K100AI-64G", engine="lmdeploy", engine_image="a/b:c").problems
    assert problem.code == "engine-unsupported"


def test_only_they_have_images_in_the_catalog():
    assert ENTRIES
    assert all(bool(entry.images) == (entry.vendor == COMMUNITY) for entry in load_accelerators().values())
