"""What a deployment reads on the controller, and when its plays are skipped."""

from pathlib import Path

import pytest

from inferfleet.converged import (
    code_digest,
    controller_files,
    decide,
    digests,
    needs_complete_run,
    node_options,
    secrets_content,
    stable_facts,
)
from inferfleet.converged.inputs import CODE

INPUTS = {"code": "1", "secrets": "2"}
SAME = {"since": "2026-11-28 18:00 UTC", "run": "a", "inputs": INPUTS, "differences": []}
NO_RECORD = {"since": "", "run": "", "inputs": {}, "differences": ["record"]}


def test_the_plays_are_skipped_if_all_nodes_are_as_one_run_left_them():
    assert decide({"node1": SAME, "node2": SAME}, INPUTS, "").since == "2026-11-28 18:00 UTC"
    for other in (
        NO_RECORD,
        {},
        {**SAME, "run": "b"},
        {**SAME, "inputs": {"code": "1"}},
        {**SAME, "differences": ["/etc/a"]},
    ):
        assert decide({"node1": SAME, "node2": other}, INPUTS, "").since == ""
    assert decide({"node1": SAME}, {**INPUTS, "code": "2"}, "").since == ""
    assert decide({"node1": SAME}, {**INPUTS, "new": "2"}, "").since == ""
    assert decide({"node1": SAME}, INPUTS, "--tags").since == ""


def test_a_complete_run_names_what_differs():
    changed = {**SAME, "differences": ["/etc/docker/daemon.json"]}
    names = decide({"node1": SAME, "node2": changed}, {**INPUTS, "secrets": "3"}, "").text.parameters["names"]
    assert names == ["secrets", "node2: /etc/docker/daemon.json"]
    many = {**SAME, "differences": ["/a", "/b", "/c", "/d", "/e"]}
    named = decide({"node1": many}, INPUTS, "").text.parameters["names"]
    assert named == ["node1: /a", "node1: /b", "node1: /c", "+2"]
    assert decide({"node1": NO_RECORD, "node2": NO_RECORD}, INPUTS, "").text.parameters == {}
    unrecorded = {**NO_RECORD, "differences": ["/etc/hosts"]}
    for other in (NO_RECORD, SAME):
        names = decide({"node1": unrecorded, "node2": other}, INPUTS, "").text.parameters["names"]
        assert names == ["node1: /etc/hosts"]
    assert decide({"node1": SAME, "node2": {**SAME, "run": "b"}}, INPUTS, "").text.parameters["names"] == ["record"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model_weights_deep", True),
        ("nccl_fabric_measure", "{{ x_measure }}"),
        ("x_token", "{{ lookup('file', '/root/token') }}"),
        ("engine_extra_env", {"STARTED": "{{ now() }}"}),
        ("x_certificate", "{{ 'a.pem' is exists }}"),
    ],
)
def test_a_run_that_measures_or_reads_more_than_variables_is_complete(name, value):
    assert needs_complete_run({"node1": {"model": "tiny"}, "node2": {name: value}}, ["inference_engine"]) == name


def test_other_runs_may_be_skipped():
    given = {
        "nccl_fabric_measure": False,
        "model_weights_deep": "no",
        "x_now": "now (later)",
        "x": "{{ query_seconds }}",
    }
    assert needs_complete_run({"node1": given}, ["inference_engine"]) == ""
    assert needs_complete_run({}, ["inference_engine", "gpustack"]) == "gpustack"


def test_files_of_the_controller_are_part_of_what_a_run_reads(tmp_path: Path):
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls/server.pem").write_text("first")
    (tmp_path / "driver").mkdir()
    (tmp_path / "driver/NVIDIA.run").write_text("580")
    given = {
        "gateway_certificate": "tls/server.pem",
        "nvidia_driver_folder": str(tmp_path / "driver"),
        "model_root": str(tmp_path / "tls"),
        "engine_extra_args": ["--chat-template", str(tmp_path / "tls/server.pem"), "a/b"],
    }
    before = controller_files({"node1": given}, [tmp_path, Path("/")])
    assert [line.split()[0] for line in before] == [
        str(tmp_path / name) for name in ("driver/NVIDIA.run", "tls/server.pem")
    ]
    (tmp_path / "tls/server.pem").write_text("other")
    assert controller_files({"node1": given}, [tmp_path, Path("/")]) != before


def test_a_replaced_secret_and_a_new_client_differ(tmp_path: Path):
    (tmp_path / "api_clients").mkdir()
    (tmp_path / "engine_api_key").write_text("first")
    (tmp_path / ".gateway.lock").write_text("")
    first = secrets_content(tmp_path, {})
    (tmp_path / ".gateway.lock").write_text("1")
    assert secrets_content(tmp_path, {}) == first
    (tmp_path / "api_clients/alice").write_text("key")
    second = secrets_content(tmp_path, {})
    (tmp_path / "engine_api_key").write_text("other")
    assert len({first, second, secrets_content(tmp_path, {})}) == 3
    assert secrets_content(tmp_path, {"node1": {"engine_api_key": "x"}}) != secrets_content(tmp_path, {})


def test_digests_reveal_nothing_without_the_secrets():
    given = {"variables": {"node1": {"password": "Hidden-0815"}}, "plan": [1]}
    found, other = digests(given, "secret"), digests(given, "another secret")
    assert set(found) == {"variables", "plan", "secrets"}
    assert all(found[name] != other[name] for name in found)
    assert digests({**given, "plan": [2]}, "secret") | {"plan": found["plan"]} == found


def test_a_changed_file_of_the_code_differs(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        code_digest(tmp_path)
    for name in CODE:
        (tmp_path / name).mkdir()
    (tmp_path / "roles/gateway/tasks").mkdir(parents=True)
    (tmp_path / "roles/gateway/tasks/main.yml").write_text("[]")
    before = code_digest(tmp_path)
    (tmp_path / "roles/gateway/__pycache__").mkdir()
    (tmp_path / "roles/gateway/__pycache__/x.pyc").write_text("")
    assert code_digest(tmp_path) == before
    (tmp_path / "roles/gateway/tasks/main.yml").rename(tmp_path / "roles/gateway/tasks/other.yml")
    assert code_digest(tmp_path) != before


def test_facts_that_change_by_themselves_are_left_out():
    facts = {
        "inferfleet_node": {"packages": ["docker.io"], "disk": {"/": {"free_bytes": 1}}},
        "inferfleet_accelerators": {"accelerators": [{"name": "H20", "memory_used_mib": 7}], "processes": [{"pid": 1}]},
    }
    assert stable_facts(facts) == {
        "inferfleet_node": {"packages": ["docker.io"]},
        "inferfleet_accelerators": {"accelerators": [{"name": "H20"}]},
        "inferfleet_fabric": {},
    }


def test_a_node_observes_what_its_groups_and_its_plan_have():
    plan = {"model_path": "/data/models/a/b", "image": "vllm/vllm-openai:v0.17.1", "executor": "mp"}
    given = {
        "image_pull": "always",
        "image_mirrors": {"docker.io": "mirror.example.com"},
        "model_weights_venv": "/srv/venv",
    }
    worker = node_options(plan, given, ["ray_worker"], resolves=False)
    assert {"/data/models/a/b", "/srv/venv", "/etc"} <= set(worker["trees"])
    assert (worker["images"], worker["registry"]) == ([plan["image"]], [])
    assert (worker["maps"]["folder"], worker["account"]["database"]) == ("", "")
    head = node_options(plan, given, ["ray_head", "gateway", "webui"], resolves=True)
    assert "mirror.example.com/vllm/vllm-openai:v0.17.1" in head["registry"]
    assert head["maps"] == {"folder": "/etc/inferfleet/gateway", "socket": "/run/inferfleet-gateway/master.sock"}
    assert head["account"]["database"] == "/var/lib/inferfleet/open-webui/webui.db"
    assert "/var/lib/inferfleet/prometheus" in head["closed"]
    assert node_options(plan, {}, ["ray_head"], resolves=True)["registry"] == []
