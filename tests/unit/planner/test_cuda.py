"""Whether images start and run on the nodes' driver."""

import pytest

from inferfleet.engines import load_engines
from inferfleet.planner import make_plan
from inferfleet.planner.cuda import driver_fit
from inferfleet.planner.fleet import read_fleet
from inferfleet.settings import Settings

NODES = {"n1": {"role": "head", "address": "10.0.0.1"}, "n2": {"role": "worker", "address": "10.0.0.2"}}


def fleet_with(accelerator, driver, **settings):
    nodes = {name: node | {"driver_version": driver} for name, node in NODES.items()}
    fleet, problems = read_fleet(Settings(accelerator=accelerator, **settings), nodes)
    assert not problems
    return fleet


def image_of(engine, version):
    return next(v for v in load_engines()[engine].versions if v.version == version)


@pytest.mark.parametrize(
    ("engine", "version", "accelerator", "driver", "fit"),
    [
        ("vllm", "0.17.1", "A800-80G", "525.105.17", "refused"),
        ("vllm", "0.17.1", "A800-80G", "535.183.01", "runs"),
        ("vllm", "0.17.1", "A800-80G", "545.23.08", "refused"),
        ("vllm", "0.17.1", "A800-80G", "550.54.15", "runs"),
        ("vllm", "0.17.1", "A800-80G", "555.42.06", "refused"),
        ("vllm", "0.17.1", "A800-80G", "575.51.03", "runs"),
        ("vllm", "0.17.1", "A800-80G", "470.82.01", "too-old"),
        ("vllm", "0.17.1", "RTX4090-24G", "565.57.01", "refused"),
        ("vllm", "0.17.1", "RTX4090-24G", "580.95.05", "runs"),
        ("vllm", "0.8.5.post1", "V100-32G", "530.30.02", "refused"),
        ("vllm", "0.8.5.post1", "V100-32G", "525.60.13", "runs"),
        ("vllm", "0.8.5.post1", "V100-32G", "470.256.02", "forward"),
        ("vllm", "0.8.5.post1", "RTX4090-24G", "535.183.01", "runs"),
        ("vllm", "0.8.5.post1", "RTX4090-24G", "470.256.02", "too-old"),
        ("vllm", "0.32.0", "H800-80G", "535.183.01", "forward"),
        ("vllm", "0.32.0", "H800-80G", "560.35.03", "too-old"),
        ("vllm", "0.32.0", "RTX4090-24G", "570.124.06", "too-old"),
        ("sglang", "0.5.23", "H800-80G", "570.124.06", "too-old"),  # does not enable forward compatibility itself
        ("tensorrt-llm", "1.2.1", "H800-80G", "570.124.06", "forward"),
        ("deepseek-infer", "1.0", "H800-80G", "545.23.08", "runs"),  # NVIDIA's image: cuda>=9.0
        ("vllm", "0.17.1", "A800-80G", "", "runs"),
        ("vllm", "0.17.1", "A800-80G", "unknown", "runs"),
    ],
)
def test_drivers_of_images(engine, version, accelerator, driver, fit):
    assert driver_fit(fleet_with(accelerator, driver), image_of(engine, version)) == fit


@pytest.mark.parametrize(("value", "fit"), [("1", "runs"), ("true", "runs"), ("0", "refused")])
def test_disabled_check(value, fit):
    fleet = fleet_with("A800-80G", "545.23.08", engine_extra_env={"NVIDIA_DISABLE_REQUIRE": value})
    assert driver_fit(fleet, image_of("vllm", "0.17.1")) == fit


def planned(driver, **settings):
    node = {"role": "head", "address": "10.0.0.1", "driver_version": driver}
    settings = {"accelerator": "H800-80G", "executor": "mp", "model": "deepseek-r1-distill-llama-70b", **settings}
    return make_plan(Settings(**settings), {"n1": node})


@pytest.mark.parametrize("driver", ["525.105.17", "530.30.02", "545.23.08", "555.42.06"])
def test_driver_that_the_image_refuses(driver):
    plan = planned(driver, engine_version="0.17.1")
    [problem] = plan.problems
    assert (problem.code, problem.parameters["cuda"]) == ("driver-too-old", "12.9")
    assert "does not start on driver" in str(problem.message)
    assert "Install driver 575 or newer (or of branch 535, 550, 560, 565, 570)" in str(problem.remedy)
    assert planned(driver, engine_version="0.17.1", engine_extra_env={"NVIDIA_DISABLE_REQUIRE": "1"}).works


def test_image_that_needs_no_forward_compatibility_is_preferred():
    plan = planned("570.124.06")
    assert plan.works
    assert (plan.engine_version, plan.image) == ("0.32.0", "gpustack/runner:cuda12.9-vllm0.32.0")
    assert str(plan.reasons[0]).endswith("whose CUDA 12.9 runs on driver 570.124.06")
    assert "VLLM_ENABLE_CUDA_COMPATIBILITY" not in plan.nodes["n1"].env


def test_configured_version_with_forward_compatibility():
    plan = planned("570.124.06", engine_image="vllm/vllm-openai:v0.32.0")
    assert plan.works
    assert plan.nodes["n1"].env["VLLM_ENABLE_CUDA_COMPATIBILITY"] == "1"
    assert "forward-compatibility" in {warning.code for warning in plan.warnings}
