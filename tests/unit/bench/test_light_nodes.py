"""Simulated nodes of the measurement of deployments: what they need of this machine and of the inventory."""

from pathlib import Path

import pytest
from tests.bench import light_nodes

from inferfleet.converged import node_options

READ_ONLY = Path("/proc/sys/kernel/ngroups_max")


def test_the_limit_of_inotify_instances_is_raised_and_put_back(tmp_path: Path):
    limit = tmp_path / "max_user_instances"
    limit.write_text("128\n")
    with light_nodes.inotify_instances(32, limit):
        assert int(limit.read_text()) >= 128 + 32 * 8
    assert limit.read_text() == "128\n"


def test_a_limit_that_cannot_be_raised_ends_the_measurement():
    with pytest.raises(SystemExit, match="sysctl -w"), light_nodes.inotify_instances(32, READ_ONLY):
        pytest.fail("the limit was raised")


def test_the_record_of_simulated_nodes_needs_no_registry():
    settings = light_nodes.variables(2)
    plan = {"webui_image": "webui:1", "image": settings["engine_image"]}
    for own in ({}, {"image_pull": "always"}):
        options = node_options(plan, settings | own, ["ray_head", "webui"], resolves=True)
        assert bool(options["registry"]) is bool(own)
