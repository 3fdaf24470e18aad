"""Groups, addresses, keys: what is refused about an inventory as a whole, word for word."""

import re
from pathlib import Path

import pytest

from inferfleet.inventory import Inventory
from inferfleet.planner import plan_cluster
from inferfleet.planner.checks import check_inventory
from inferfleet.settings import Settings

ROOT = Path(__file__).parents[3]


def messages(inventory: Inventory) -> list[str]:
    return [f"{problem.code}: {problem}" for problem in check_inventory(inventory)]


def test_a_good_inventory_has_no_problems(build):
    assert messages(build()) == []


def test_one_node_alone_is_good(build):
    assert messages(build(groups={"ray_head": ["node1"]})) == []


def test_an_empty_inventory(build):
    assert messages(Inventory({}, {})) == [
        "no-head: Group ray_head has no host: Ray and the engine's API need exactly one head."
        " Put the node whose address clients will use into group ray_head of hosts.yml."
    ]


def test_no_head_still_checks_the_workers(build):
    found = messages(build(groups={"ray_worker": ["node1", "node2"]}, webui_port=0))
    assert [message.split(":")[0] for message in found] == ["no-head", "bad-value"]


def test_two_heads(build):
    assert messages(build(groups={"ray_head": ["a", "b", "c"]})) == [
        "two-heads: Group ray_head has 3 hosts (a, b, c), but a cluster has exactly one head."
        " Keep one of them and move the others to group ray_worker, for example b, c."
        " For several models, each on nodes of its own, put each one's nodes into a group service_NAME."
    ]


def test_head_is_worker_too(build):
    assert messages(build(groups={"ray_head": ["a"], "ray_worker": ["b", "a"]})) == [
        "head-and-worker: Host a is in group ray_head and in group ray_worker."
        " Remove a from group ray_worker: the head's accelerators take part anyway."
    ]


def test_two_webuis(build):
    assert messages(build(groups={"ray_head": ["a"], "webui": ["a", "b"]})) == [
        "two-webuis: Group webui has 2 hosts (a, b); Open WebUI keeps its users on one. Keep one host in group webui."
    ]


SAME = "Give each host its own ansible_host, or remove node2 from hosts.yml."


@pytest.mark.parametrize(
    ("hosts", "shown"),
    [
        ({"node1": {"ansible_host": "10.0.0.1"}, "node2": {"ansible_host": "10.0.0.1"}}, "10.0.0.1"),
        ({"node1": {"ansible_host": "node2"}}, "node2"),
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
    assert messages(build(hosts=hosts)) == [
        f"duplicate-address: Hosts node1 and node2 have the same address {shown} (ansible_host). {SAME}"
    ]


def test_one_address_with_two_ports_is_two_machines(build):
    hosts = {"node1": {"ansible_host": "10.0.0.1"}, "node2": {"ansible_host": "10.0.0.1", "ansible_port": 23}}
    assert messages(build(hosts=hosts)) == []


def test_duplicate_cluster_addresses(build):
    hosts = {name: {"cluster_address": "10.0.0.1"} for name in ("node1", "node2")}
    assert messages(build(hosts=hosts)) == [
        "duplicate-address: Hosts node1 and node2 have the same address 10.0.0.1 (cluster_address)."
        " Give each host its own cluster_address, or remove node2 from hosts.yml."
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
def test_an_unknown_key_names_the_nearest(build, name, near):
    assert messages(build(known=("open_webui_timeout",), **{name: 1})) == [
        f"unknown-key: Variable {name} (all hosts) is not known."
        f" Did you mean {near}? Otherwise name a variable of your own x_{name}."
    ]


def test_an_unknown_key_of_one_host_without_a_near_one(build):
    assert messages(build(hosts={"node2": {"zzz": 1}})) == [
        "unknown-key: Variable zzz (node2) is not known. Remove it, or name a variable of your own x_zzz."
    ]


def test_every_key_is_found_again_after_a_slip_of_the_finger(build):
    for name in Settings.model_fields:
        slip = name[:-1] if len(name) > 6 else f"{name}s"
        assert any(f"Did you mean {name}?" in message for message in messages(build(**{slip: 1}))), name


@pytest.mark.parametrize(
    "name", ["x_rack", "ansible_user", "__fact", "inferfleet_node", "group_names", "reset_weights"]
)
def test_own_and_foreign_variables_are_left_alone(build, name):
    assert messages(build(**{name: object()})) == []


def test_what_playbooks_take_for_one_run_is_known(build):
    texts = [path.read_text() for path in (ROOT / "playbooks").glob("*.yml")]
    taken = {name for text in texts for name in re.findall(r"(\w+) \| default\(false\) \| bool", text)}
    assert taken >= {"reset_weights", "weights_remove_partial"}
    assert messages(build(**dict.fromkeys(taken, True))) == []


def test_options_of_roles_are_known(build):
    assert messages(build(known=("verify_timeout",), verify_timeout=5)) == []


def test_a_missing_key(build):
    assert messages(build(drop=("model_root",))) == [
        "missing-key: Variable model_root is not defined (all hosts). Set it in group_vars/all/10_cluster.yml of the"
        " inventory, or link ../../../../group_vars/all there as 00_defaults for its default."
    ]


def test_all_keys_missing_means_that_the_link_is_missing(build):
    assert messages(build(drop=tuple(Settings.model_fields))) == [
        "no-defaults: The inventory lacks the contract's defaults: none of its keys is defined."
        " Link them: ln -s ../../../../group_vars/all INVENTORY/group_vars/all/00_defaults."
    ]


def test_an_expression_without_a_value_is_not_called_missing(build):
    good = build(drop=("model",))
    reasons = {"model": "'nope' is undefined", "x_own": "no such filter."}
    inventory = Inventory(good.groups, good.variables, good.options, {"node1": reasons, "node2": reasons})
    assert messages(inventory) == [
        "undefined-value: Variable model (all hosts) cannot be worked out: 'nope' is undefined."
        " Correct the expression of model in the inventory.",
        "undefined-value: Variable x_own (all hosts) cannot be worked out: no such filter."
        " Correct the expression of x_own in the inventory.",
    ]


def test_values_must_agree(build):
    assert messages(build(hosts={"node2": {"max_model_len": 4096}})) == [
        "value-differs: Variable max_model_len differs between hosts: 0 on node1, 4096 on node2. Set max_model_len"
        " once, in group_vars/all/10_cluster.yml, and remove it from host_vars and hosts.yml."
    ]


def test_secrets_must_agree_and_are_not_shown(build):
    found = messages(build(hosts={"node1": {"ray_auth_token": "s3cret"}, "node2": {"ray_auth_token": "0ther"}}))
    assert found == [
        "value-differs: Variable ray_auth_token differs between hosts: (not shown) on node1, (not shown) on node2."
        " Set ray_auth_token once, in group_vars/all/10_cluster.yml, and remove it from host_vars and hosts.yml."
    ]


def test_long_values_that_differ_at_their_end_differ(build):
    start = "a" * 100
    found = messages(build(hosts={"node1": {"served_model_name": start}, "node2": {"served_model_name": start + "b"}}))
    assert [message.split(":")[0] for message in found] == ["value-differs"]
    assert start not in found[0]


def refused_names(inventory):
    return [f"{problem.code}: {problem}" for problem in plan_cluster(inventory).input_problems]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("model", "deepseek-r2", "Variable model is 'deepseek-r2', which the catalog does not have."),
        ("accelerator", "cpuu", "Variable accelerator is 'cpuu', which the catalog does not have."),
    ],
)
def test_names_that_the_catalog_does_not_have(build, name, value, message):
    near = {"model": "deepseek-r1", "accelerator": "cpu"}[name]
    assert refused_names(build(**{name: value})) == [f"unknown-name: {message} Did you mean {near}?"]


def test_a_name_like_no_other_lists_the_choice(build):
    (found,) = refused_names(build(model="Q. E. D."))
    assert found.startswith(
        "unknown-name: Variable model is 'Q. E. D.', which the catalog does not have. Choose one of "
    )
    assert "deepseek-r1" in found


def test_cluster_address_outside_its_network(build):
    hosts = {"node1": {"cluster_address": "10.0.0.1"}, "node2": {"cluster_address": "10.0.1.2"}}
    assert messages(build(hosts=hosts, cluster_network="10.0.0.0/24")) == [
        "address-outside: Variable cluster_address of node2 is 10.0.1.2, which is not in cluster_network 10.0.0.0/24."
        " Correct the address, or set cluster_network to the network that Ray and NCCL are to use."
    ]


@pytest.mark.parametrize("value", ["node2", "10.0.0", 5, "::1"])
def test_cluster_address_that_is_none(build, value):
    assert messages(build(hosts={"node2": {"cluster_address": value}})) == [
        f"bad-value: Variable cluster_address of node2 is {value}, which is not an IPv4 address."
        " Set cluster_address of node2 to its IPv4 address, for example 10.0.0.11."
    ]
