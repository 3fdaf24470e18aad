"""The DCGM exporter: where it runs, and that it needs an image, a host of the monitoring and NVIDIA GPUs."""

import pytest

from inferfleet.components import images, load_component, runs
from inferfleet.inventory.read import read_inventory
from inferfleet.planner import plan_cluster

IMAGE = "nvcr.io/nvidia/k8s/dcgm-exporter:4.6.1-4.8.4-distroless"
EXPORTER = load_component("dcgm_exporter")


@pytest.mark.parametrize(
    ("image", "monitoring", "expected"), [(IMAGE, ["m1"], True), ("", ["m1"], False), (IMAGE, [], False)]
)
def test_it_runs_where_an_image_is_set_and_the_monitoring_has_a_host(image, monitoring, expected):
    settings = {"monitoring_dcgm_image": image, "groups": {"monitoring": monitoring}}
    assert runs(EXPORTER, settings, ["ray_head"]) is expected
    assert runs(EXPORTER, settings, ["webui"]) is False


def test_its_image_is_in_the_bundle_of_an_inventory_with_monitoring():
    plan = {"image": "engine:1", "webui_image": "", "executor": "mp", "dcgm_image": IMAGE}
    assert IMAGE in images(plan, ["ray_head", "monitoring"])
    assert IMAGE not in images(plan, ["ray_head"])


@pytest.mark.parametrize(("inventory", "expected"), [("a800", IMAGE), ("lab", "")])
def test_only_plans_of_nvidia_gpus_have_it(inventory, expected):
    read = read_inventory(f"inventories/{inventory}", {"monitoring_dcgm_image": IMAGE})
    assert [plan.dcgm_image for plan in plan_cluster(read, {}).plans] == [expected]
