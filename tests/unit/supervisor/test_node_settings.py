"""Settings of the supervisor of a node, from plans; its files."""

import json
from pathlib import Path

import pytest

from inferfleet.planner import make_plan
from inferfleet.settings import Settings
from inferfleet.supervisor import containers_change, node_files, node_settings

NODES = {f"n{i}": {"role": "worker" if i else "head", "address": f"10.0.0.{i + 1}"} for i in range(2)}
RAY, ENGINE = "inferfleet-ray", "inferfleet-engine"


def plan_of(**settings):
    base = {"model": "deepseek-r1", "accelerator": "H20-96G"}
    return make_plan(Settings(**base, **settings), NODES).as_dict()


def containers(settings):
    return [[item["container"] for item in stage] for stage in settings["replica"]["stages"]]


@pytest.mark.parametrize(
    ("settings", "head", "worker"),
    [
        ({"executor": "ray"}, [[RAY], [ENGINE]], [[], [RAY]]),
        ({"executor": "mp"}, [[ENGINE]], [[ENGINE]]),
        ({"engine": "tensorrt-llm"}, [[ENGINE]], [[ENGINE]]),
    ],
)
def test_stages_have_the_same_numbers_on_all_nodes(settings, head, worker):
    plan = plan_of(**settings)
    assert containers(node_settings(plan, "n0", "key", 6379)) == head
    assert containers(node_settings(plan, "n1", "key", 6379)) == worker


def test_only_the_leader_probes_the_engine():
    plan = plan_of()
    leader, member = (node_settings(plan, node, "key", 6379) for node in ("n0", "n1"))
    assert leader["replica"].pop("probe") == {
        "port": 8000,
        "path": "/v1/chat/completions",
        "model": "deepseek-r1",
        "authorization": "Bearer key",
        "metrics": {
            "path": "/metrics",
            "progress": [
                "vllm:iteration_tokens_total_count",
                "vllm:generation_tokens_total",
                "vllm:kv_cache_usage_perc",
                "vllm:gpu_cache_usage_perc",
            ],
            "running": "vllm:num_requests_running",
            "waiting": "vllm:num_requests_waiting",
        },
    }
    assert leader["replica"] == member["replica"]
    assert leader["replica"]["members"] == [
        {"node": "n0", "address": "10.0.0.1"},
        {"node": "n1", "address": "10.0.0.2"},
    ]
    assert (leader["replica"]["leader"], leader["replica"]["name"]) == ("n0", "n0_8000")
    assert leader["replica"]["ranks"] == {"pattern": plan["rank_processes"], "count": 8}
    assert leader["replica"]["seconds"]["hang"] == plan["hang_seconds"]
    assert "key" not in json.dumps(member)


def test_engine_without_metrics_and_rank_titles_is_checked_by_completions():
    leader = node_settings(plan_of(engine="tensorrt-llm"), "n0", "key", 6379)["replica"]
    assert "metrics" not in leader["probe"]
    assert leader["ranks"] == {"pattern": "", "count": 0}


def test_secrets_are_readable_by_root_only(tmp_path):
    (tmp_path / "inferfleet_supervisor").mkdir()
    (tmp_path / "inferfleet_supervisor" / "group.py").write_text("x = 1\n")
    files = node_files({"node": "n0"}, "token", {"command": "#!", "unit": "[Unit]"}, tmp_path)
    assert {path: file["mode"] for path, file in files.items()} == {
        "/usr/local/lib/inferfleet/inferfleet_supervisor/group.py": "0644",
        "/usr/local/bin/inferfleet-supervisor": "0755",
        "/etc/systemd/system/inferfleet-supervisor.service": "0644",
        "/etc/inferfleet/supervisor_token": "0600",
        "/etc/inferfleet/supervisor.json": "0600",
    }
    assert files["/etc/inferfleet/supervisor_token"]["content"] == "token\n"


RUNNING = {"n0": [f"{RAY} running", f"{ENGINE} running vllm"], "n1": [f"{RAY} running", "other running"]}


@pytest.mark.parametrize(
    ("containers", "replaced", "changes"),
    [
        (RUNNING, [], False),
        (RUNNING, [ENGINE], True),
        ({**RUNNING, "n1": [f"{RAY} exited"]}, [], True),
        ({**RUNNING, "n1": []}, [], True),
        ({**RUNNING, "n1": [f"{RAY} running", f"{ENGINE} running vllm"]}, [], True),
        ({"n0": RUNNING["n0"]}, [], False),
    ],
    ids=["current", "replaced", "exited", "missing", "left", "limited"],
)
def test_containers_change(containers, replaced, changes):
    assert containers_change(plan_of(executor="ray"), containers, replaced) is changes


def test_engine_with_its_own_role_leaves_no_container_to_the_supervisor():
    plan = plan_of(engine="gpustack")
    assert containers_change(plan, {"n0": [f"{ENGINE} running gpustack"]}, [])
    assert not containers_change(plan, {"n0": []}, [])


def test_sources_of_the_package_are_in_the_role():
    folder = Path(__file__).parents[3] / "roles" / "supervisor" / "files"
    files = node_files({}, "", {}, folder)
    assert "/usr/local/lib/inferfleet/inferfleet_supervisor/__main__.py" in files
