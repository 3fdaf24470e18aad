"""Several services in one inventory: membership, problems, and settings per service."""

import pytest
from tests.unit.inventory.parameters import found

from inferfleet.inventory.services import services_of

GROUPS = {
    "ray_head": ["a1", "b1"],
    "ray_worker": ["a2", "b2"],
    "webui": ["a1"],
    "service_small": ["b1", "b2"],
    "service_big": ["a2", "a1"],
}


def test_single_service_without_service_groups():
    (service,) = services_of({"ray_head": ["n1"], "ray_worker": ["n2", "n3"], "gpu": ["n2"]})
    assert (service.name, service.heads, service.hosts) == ("", ("n1",), ("n1", "n2", "n3"))


def test_services_are_ordered_by_head():
    assert [(s.name, s.hosts) for s in services_of(GROUPS)] == [("big", ("a1", "a2")), ("small", ("b1", "b2"))]


def test_each_service_has_its_own_model(build):
    own = {"model": "deepseek-r1-distill-qwen-7b", "max_model_len": 4096}
    assert found(build(groups=GROUPS, hosts={"b1": own, "b2": own})) == []


def test_values_agree_within_a_service(build):
    [(code, parameters)] = found(build(groups=GROUPS, hosts={"b1": {"max_model_len": 4096}}))
    assert (code, parameters["name"]) == ("value-differs", "max_model_len")
    assert (parameters["values"], parameters["file"]) == (
        ["4096 on b1", "0 on b2"],
        "group_vars/service_small/main.yml",
    )


def test_site_settings_agree_across_services(build):
    other = {"webui_port": 3001}
    [(code, parameters)] = found(build(groups=GROUPS, hosts={"b1": other, "b2": other}))
    assert (code, parameters["name"]) == ("value-differs", "webui_port")
    assert parameters["values"] == ["3000 on a1", "3001 on b1"]


@pytest.mark.parametrize(
    ("change", "code", "parameters"),
    [
        (
            {"service_small": ["b1", "b2", "a2"]},
            "two-services",
            {"host": "a2", "groups": ["service_big"], "last": "service_small"},
        ),
        ({"service_small": ["b1"]}, "no-service", {"host": "b2", "services": ["service_big", "service_small"]}),
        (
            {"ray_head": ["a1"], "ray_worker": ["a2", "b1", "b2"]},
            "no-head",
            {"group": "service_small", "hosts": ["b1", "b2"]},
        ),
        (
            {"ray_head": ["a1", "b1", "b2"], "ray_worker": ["a2"]},
            "two-heads",
            {"group": "service_small", "count": 2, "heads": ["b1", "b2"], "others": ["b2"]},
        ),
        ({"service_none": []}, "empty-service", {"group": "service_none"}),
    ],
)
def test_refusals(build, change, code, parameters):
    assert (code, parameters) in found(build(groups=GROUPS | change))


def test_bundle_with_several_services_is_refused(build):
    assert found(build(groups=GROUPS, offline_bundle="/srv/bundle")) == [
        ("bundle-of-one", {"path": "/srv/bundle", "count": 2, "hosts": "all hosts"})
    ]
