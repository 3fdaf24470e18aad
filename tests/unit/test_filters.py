"""Filters for values of several hosts and for results."""

import json
from pathlib import Path

import pytest

from inferfleet.bundle import image_parts, system_parts
from inferfleet.components import rank_results, webui_configs, webui_endpoints
from inferfleet.deepseek_infer import holders
from inferfleet.evaluate.nodes import evaluated_nodes
from inferfleet.hostvars import by_host, secret_files
from inferfleet.report.docker import shown_containers, shown_images
from inferfleet.weights import controller_folders, link_speeds, models_of_nodes, peers, repairs


@pytest.mark.parametrize(
    ("path", "values"),
    [
        (("x",), {"a": {"y": 1}, "b": None}),
        (("x", "y"), {"a": 1, "b": None}),
        (("x", "y", "z"), {"a": None, "b": None}),  # a number has no keys
    ],
)
def test_values_by_host(path, values):
    assert by_host(["a", "b"], {"a": {"x": {"y": 1}}, "b": {}}, *path) == values


def test_values_by_host_have_a_default_and_keep_the_order():
    assert [*by_host(["b", "a"], {"a": {"x": 1}, "b": {}}, "x", default=[]).items()] == [("b", []), ("a", 1)]


@pytest.mark.parametrize(("check", "missing"), [(True, "/dev/null"), (False, "{folder}/other")])
def test_a_check_run_generates_no_secret(tmp_path: Path, check, missing):
    (tmp_path / "key").write_text("x")
    files = secret_files(str(tmp_path), ["key", "other"], check=check)
    assert files == {"key": f"{tmp_path}/key", "other": missing.format(folder=tmp_path)}


def test_controller_folders_have_the_index_of_their_source():
    sources = [
        {"type": "huggingface"},
        {"type": "path", "path": "/x", "host": "localhost"},
        {"type": "path", "path": "/y"},
    ]
    assert controller_folders(sources) == {"2": "/x"}


def test_configured_addresses_override_the_plan():
    nodes = {"a": {"address": "10.0.0.1"}}
    assert peers(["a", "b"], nodes, {"b": "10.0.0.2"}, 5) == [
        {"name": "a", "address": "10.0.0.1", "port": 5},
        {"name": "b", "address": "10.0.0.2", "port": 5},
    ]
    assert peers(["a"], nodes, {"a": "10.9.9.9"}, 5)[0]["address"] == "10.9.9.9"


def test_link_speeds_are_those_of_the_planned_interface():
    fabric = {"a": {"interfaces": [{"name": "eth0", "speed_mbps": 10}, {"name": "eth1", "speed_mbps": 25}]}, "b": {}}
    assert link_speeds(fabric, {"a": {"interface": "eth1"}, "b": {"interface": "eth1"}}) == {"a": 25, "b": 0}
    assert link_speeds(fabric, {}) == {"a": 0, "b": 0}  # hosts outside the plan


def test_models_of_nodes():
    assert models_of_nodes({"a": [{"path": "/m"}, {"path": "/n"}], "b": []}) == [
        {"node": "a", "path": "/m"},
        {"node": "a", "path": "/n"},
    ]


def test_only_completed_copies_are_repaired():
    damage = {"a": {"complete": True}, "b": {"complete": False}, "c": {"complete": False}}
    verifications = {"a": {"complete": True}, "b": {"complete": True}, "c": {}}
    assert [(item["node"], item["repaired"]) for item in repairs(damage, verifications)] == [
        ("a", False),
        ("b", True),
        ("c", False),
    ]


def test_parts_of_a_bundle():
    name = "docker.io/vllm/vllm-openai:v1"
    config = {"item": name, "stdout": json.dumps({"rootfs": {"diff_ids": ["sha256:1"]}})}
    digests = [{"item": "other", "stdout": "sha256:0"}, {"item": name, "stdout": "sha256:2"}]
    (part,) = image_parts([config], digests).values()
    assert (part["digest"], part["layers"], part["file"][:7]) == ("sha256:2", ["sha256:1"], "images/")
    assert system_parts({"c": "debian-12-amd64"}) == {"debian-12-amd64": {"file": "packages/debian-12-amd64.tar"}}


def test_holders_have_the_same_conversion():
    conversions = {
        "a": {"complete": True, "about": {"revision": "x"}},
        "b": {"complete": True, "about": {"revision": "y"}},
        "c": {"complete": False, "about": {}},
    }
    assert holders(conversions, "x") == ["a"]


def test_evaluated_nodes():
    plan = {"accelerator": "h200", "nodes": {"a": {"address": "10.0.0.1", "rank": 0}}}
    assert evaluated_nodes(plan, {"a": "570.1"}) == {
        "a": {"address": "10.0.0.1", "accelerator": "h200", "driver": "570.1"}
    }


def test_the_report_shows_no_environment():
    image = {"RepoTags": None, "Id": "sha256:1", "Config": {"Env": ["KEY=secret"]}}
    assert shown_images([image]) == [{"names": [], "digests": [], "id": "sha256:1"}]
    container = {"Names": ["/inferfleet-engine"], "Image": "x", "Status": "Up", "Command": "vllm --api-key secret"}
    assert shown_containers([container]) == [{"name": "inferfleet-engine", "image": "x", "status": "Up"}]


def shown_results(results):
    return [(result["name"]["message"], result["ok"], result["detail"]["message"]) for result in results]


def test_ranks_of_every_host():
    answers = {"a": {"ranks": ["TP0", "TP1"]}, "b": {"ranks": ["TP2"]}, "c": {"unreachable": True}, "d": {}}
    assert shown_results(rank_results(answers, 2)) == [
        ("Ranks on a", True, "2 of 2: TP0, TP1"),
        ("Ranks on b", False, "1 of 2: TP2"),
        ("Ranks on c", False, "host unreachable"),
        ("Ranks on d", False, "0 of 2"),
    ]


def test_apis_of_open_webui():
    extra = [{"url": "http://other/v1//", "prefix": "other"}, {"url": "http://third/v1", "api_key": "secret"}]
    endpoints = webui_endpoints(["http://a/v1", "http://b/v1"], "key", extra)
    assert [(endpoint["url"], endpoint["api_key"]) for endpoint in endpoints] == [
        ("http://a/v1", "key"),
        ("http://b/v1", "key"),
        ("http://other/v1", "none"),
        ("http://third/v1", "secret"),
    ]
    assert webui_configs(endpoints) == {"2": {"enable": True, "prefix_id": "other"}}
