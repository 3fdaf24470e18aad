"""Several services in one inventory: who belongs to which, what is refused, what each may set for itself."""

import pytest

from inferfleet.inventory.services import services_of
from inferfleet.planner.checks import check_inventory

GROUPS = {
    "ray_head": ["a1", "b1"],
    "ray_worker": ["a2", "b2"],
    "webui": ["a1"],
    "service_small": ["b1", "b2"],
    "service_big": ["a2", "a1"],
}


def messages(inventory):
    return [f"{p.code}: {p.message} {p.remedy}" for p in check_inventory(inventory)]


def test_one_service_of_all_nodes_where_no_group_names_another():
    (service,) = services_of({"ray_head": ["n1"], "ray_worker": ["n2", "n3"], "gpu": ["n2"]})
    assert (service.name, service.heads, service.hosts) == ("", ("n1",), ("n1", "n2", "n3"))


def test_services_come_in_the_order_of_their_heads_with_the_head_first():
    assert [(s.name, s.hosts) for s in services_of(GROUPS)] == [("big", ("a1", "a2")), ("small", ("b1", "b2"))]


def test_each_service_has_its_own_model(build):
    own = {"model": "deepseek-r1-distill-qwen-7b", "max_model_len": 4096}
    assert messages(build(groups=GROUPS, hosts={"b1": own, "b2": own})) == []


def test_within_a_service_values_agree(build):
    assert messages(build(groups=GROUPS, hosts={"b1": {"max_model_len": 4096}})) == [
        "value-differs: Variable max_model_len differs between hosts: 4096 on b1, 0 on b2. Set max_model_len once, in"
        " group_vars/service_small/main.yml, and remove it from host_vars and hosts.yml."
    ]


def test_what_belongs_to_the_site_agrees_everywhere(build):
    other = {"webui_port": 3001}
    (message,) = messages(build(groups=GROUPS, hosts={"b1": other, "b2": other}))
    assert message.startswith("value-differs: Variable webui_port differs between hosts: 3000 on a1, 3001 on b1.")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"service_small": ["b1", "b2", "a2"]},
            "two-services: Host a2 is in groups service_big and service_small: a node serves one model."
            " Keep a2 in one of them.",
        ),
        (
            {"service_small": ["b1"]},
            "no-service: Host b2 serves, but is in no service; the inventory has service_big, service_small."
            " Put b2 into one of them, or take it out of ray_head and ray_worker.",
        ),
        (
            {"ray_head": ["a1"], "ray_worker": ["a2", "b1", "b2"]},
            "no-head: Group service_small has no host that is in group ray_head: a service needs exactly one head."
            " Put one of them (b1, b2) into group ray_head of hosts.yml.",
        ),
        (
            {"ray_head": ["a1", "b1", "b2"], "ray_worker": ["a2"]},
            "two-heads: Group service_small has 2 hosts of group ray_head (b1, b2), but a service has exactly one head."
            " Keep one and move the others to group ray_worker, for example b2.",
        ),
        (
            {"service_none": []},
            "empty-service: Group service_none has no host. Put hosts into service_none, or remove it.",
        ),
    ],
)
def test_refusals(build, change, message):
    assert message in messages(build(groups=GROUPS | change))


def test_group_variables_that_group_vars_all_hides_are_refused(build):
    inventory = build(groups=GROUPS)
    hidden = type(inventory)(inventory.groups, inventory.variables, in_files={"service_small": ["model", "x_mine"]})
    assert messages(hidden) == [
        "unheard-key: Variable model of group service_small in hosts.yml has no effect: for Ansible, group_vars/all"
        " stands above. Move it to group_vars/service_small/main.yml of the inventory."
    ]


def test_a_bundle_holds_one_service(build):
    assert messages(build(groups=GROUPS, offline_bundle="/srv/bundle")) == [
        "bundle-of-one: Variable offline_bundle (all hosts) is /srv/bundle, but a bundle holds the checkpoint of one"
        " service and the inventory has 2. Deploy each service from an inventory and a bundle of its own."
    ]
