"""Problems of groups, addresses and settings of an inventory."""

import re
from pathlib import Path

import pytest
from tests.unit.inventory.parameters import codes, found, listed

from inferfleet.inventory import Inventory
from inferfleet.inventory.check import RENAMED
from inferfleet.inventory.options import role_options
from inferfleet.planner import plan_cluster
from inferfleet.settings import Settings

ROOT = Path(__file__).parents[3]


def test_valid_inventory_has_no_problems(build):
    assert found(build()) == []


def test_single_node_is_valid(build):
    assert found(build(groups={"ray_head": ["node1"]})) == []


def test_an_empty_inventory(build):
    assert found(Inventory({}, {})) == [("no-head", {})]


def test_workers_are_checked_without_a_head(build):
    assert codes(build(groups={"ray_worker": ["node1", "node2"]}, webui_port=0)) == ["no-head", "bad-value"]


def test_two_heads(build):
    assert found(build(groups={"ray_head": ["a", "b", "c"]})) == [
        ("two-heads", {"count": 3, "heads": ["a", "b", "c"], "others": ["b", "c"]})
    ]


def test_head_and_worker(build):
    assert found(build(groups={"ray_head": ["a"], "ray_worker": ["b", "a"]})) == [("head-and-worker", {"host": "a"})]


def test_two_webuis(build):
    assert found(build(groups={"ray_head": ["a"], "webui": ["a", "b"]})) == [
        ("two-webuis", {"count": 2, "hosts": ["a", "b"]})
    ]


@pytest.mark.parametrize(
    ("hosts", "shown"),
    [
        ({"node1": {"ansible_host": "10.0.0.1"}, "node2": {"ansible_host": "10.0.0.1"}}, "10.0.0.1"),
        ({name: {"ansible_host": "gpu", "cluster_interface": "bond0"} for name in ("node1", "node2")}, "gpu"),
        (
            {
                "node1": {"ansible_host": "10.0.0.1", "ansible_port": 2222},
                "node2": {"ansible_host": "10.0.0.1", "ansible_port": "2222"},
            },
            "10.0.0.1:2222",
        ),
    ],
)
def test_duplicate_addresses(build, hosts, shown):
    assert found(build(hosts=hosts)) == [
        ("duplicate-address", {"hosts": ["node1"], "last": "node2", "address": shown, "name": "ansible_host"})
    ]


def test_same_address_with_different_ssh_ports(build):
    hosts = {"node1": {"ansible_host": "10.0.0.1"}, "node2": {"ansible_host": "10.0.0.1", "ansible_port": 23}}
    assert found(build(hosts=hosts)) == []


def test_duplicate_cluster_addresses(build):
    hosts = {name: {"cluster_address": "10.0.0.1"} for name in ("node1", "node2")}
    assert found(build(hosts=hosts)) == [
        ("duplicate-address", {"hosts": ["node1"], "last": "node2", "address": "10.0.0.1", "name": "cluster_address"})
    ]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("gpu_mem_utilization", "gpu_memory_utilization"),
        ("tensor_paralel_size", "tensor_parallel_size"),
        ("modle_root", "model_root"),
        ("hub_endpiont", "hub_endpoint"),
        ("cluster_adress", "cluster_address"),
        ("webui_timeout_", "open_webui_timeout"),
    ],
)
def test_unknown_setting_suggests_the_nearest(build, name, near):
    assert found(build(known=("open_webui_timeout",), **{name: 1})) == [
        ("unknown-key", {"name": name, "near": near, "own": f"x_{name}", "hosts": "all hosts"})
    ]


@pytest.mark.parametrize(("name", "new"), RENAMED.items())
def test_renamed_variable(build, name, new):
    assert found(build(**{name: True})) == [("renamed-key", {"name": name, "new": new, "hosts": "all hosts"})]
    assert new in role_options(ROOT)


def test_unknown_setting_without_suggestion(build):
    assert found(build(hosts={"node2": {"zzz": 1}})) == [
        ("unknown-key", {"name": "zzz", "own": "x_zzz", "hosts": ["node2"]})
    ]


def test_typo_in_any_setting_is_recognized(build):
    for name in Settings.model_fields:
        slip = name[:-1] if len(name) > 6 else f"{name}s"
        assert name in [parameters.get("near") for _, parameters in found(build(**{slip: 1}))]


@pytest.mark.parametrize(
    "name", ["x_rack", "ansible_ssh_pipelining", "__fact", "inferfleet_node", "group_names", "reset_weights"]
)
def test_custom_and_ansible_variables_are_ignored(build, name):
    assert found(build(**{name: object()})) == []


def test_run_options_are_known(build):
    texts = [path.read_text() for path in (ROOT / "playbooks").glob("*.yml")]
    taken = {name for text in texts for name in re.findall(r"(\w+) \| default\(false\) \| bool", text)}
    assert taken >= {"reset_weights", "weights_remove_partial"}
    assert found(build(**dict.fromkeys(taken, True))) == []


def test_options_of_roles_are_known(build):
    assert found(build(known=("verify_timeout",), verify_timeout=5)) == []


def test_missing_setting(build):
    missing = {"count": 1, "name": "model_root", "hosts": "all hosts"}
    assert found(build(drop=("model_root",))) == [("no-defaults", missing)]


def test_all_settings_missing(build):
    [(code, parameters)] = found(build(drop=tuple(Settings.model_fields)))
    assert (code, parameters["count"]) == ("no-defaults", len(Settings.model_fields))


def test_undefined_expression_is_not_a_missing_setting(build):
    good = build(drop=("model",))
    reasons = {"model": "'nope' is undefined", "x_own": "no such filter"}
    inventory = Inventory(good.groups, good.variables, good.options, {"node1": reasons, "node2": reasons})
    about = {"hosts": "all hosts", "places": ["group_vars/all/10_cluster.yml"]}
    assert found(inventory) == [
        ("undefined-value", {**about, "name": "model", "reason": "'nope' is undefined"}),
        ("undefined-value", {**about, "name": "x_own", "reason": "no such filter"}),
    ]


def test_values_must_agree(build):
    [(code, parameters)] = found(build(hosts={"node2": {"max_model_len": 4096}}))
    assert (code, parameters["name"], parameters["values"]) == (
        *("value-differs", "max_model_len"),
        ["0 on node1", "4096 on node2"],
    )
    assert parameters["file"] == "group_vars/all/10_cluster.yml"


def test_secrets_must_agree_and_are_not_shown(build):
    hosts = {"node1": {"ray_auth_token": "s3cret-1"}, "node2": {"ray_auth_token": "0ther-one"}}
    [(code, parameters)] = found(build(hosts=hosts))
    assert (code, parameters["name"]) == ("value-differs", "ray_auth_token")
    assert parameters["values"] == ["(not shown) on node1", "(not shown) on node2"]


def test_long_values_that_differ_at_the_end(build):
    start = "a" * 100
    hosts = {"node1": {"served_model_name": start}, "node2": {"served_model_name": start + "b"}}
    [(code, parameters)] = found(build(hosts=hosts))
    assert code == "value-differs"
    assert start not in str(parameters)


def refused_names(inventory):
    return listed(plan_cluster(inventory).input_problems)


@pytest.mark.parametrize(
    ("name", "value", "near"), [("model", "deepseek-r2", "deepseek-r1"), ("accelerator", "cpuu", "cpu")]
)
def test_unknown_catalog_names(build, name, value, near):
    [(code, parameters)] = refused_names(build(**{name: value}))
    assert (code, parameters["key"], parameters["value"], parameters["nearest"]) == (
        *("unknown-name", name, repr(value)),
        near,
    )


def test_unknown_name_without_suggestion_lists_the_choices(build):
    [(code, parameters)] = refused_names(build(model="Q. E. D."))
    assert (code, parameters["value"], parameters.get("nearest")) == ("unknown-name", "'Q. E. D.'", None)
    assert "deepseek-r1" in str(parameters)


def test_cluster_address_outside_its_network(build):
    hosts = {"node1": {"cluster_address": "10.0.0.1"}, "node2": {"cluster_address": "10.0.1.2"}}
    assert found(build(hosts=hosts, cluster_network="10.0.0.0/24")) == [
        ("address-outside", {"host": "node2", "value": "10.0.1.2", "network": "10.0.0.0/24"})
    ]


@pytest.mark.parametrize("value", ["node2", "10.0.0", 5, "::1"])
def test_invalid_cluster_address(build, value):
    assert found(build(hosts={"node2": {"cluster_address": value}})) == [
        ("bad-value", {"host": "node2", "value": str(value)})
    ]
