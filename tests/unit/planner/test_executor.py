"""The choice of the executor: vLLM's own on several nodes, or Ray."""

import pytest

from inferfleet.inventory import Inventory
from inferfleet.planner import estimate, make_plan, plan_cluster
from inferfleet.settings import Settings

RUNNER = "gpustack/runner:cuda12.9-vllm0.32.0"


def planned(accelerator="H800-80G", nodes=2, **settings):
    machines = {f"n{i}": {"role": "worker" if i else "head", "address": f"10.0.0.{i + 1}"} for i in range(nodes)}
    base = {"model": "deepseek-r1-distill-llama-70b", "accelerators_per_node": 8}
    return make_plan(Settings(**base | {"accelerator": accelerator} | settings), machines)


def reasons(plan, code):
    return [str(reason) for reason in plan.reasons if reason.code == code]


@pytest.mark.parametrize(
    ("settings", "executor", "reason"),
    [
        ({}, "mp", "Executor mp: vLLM {version} connects 2 nodes itself, without a Ray cluster"),
        ({"nodes": 1}, "mp", "Executor mp: a single node does not need Ray"),
        (
            {"accelerator": "V100-32G"},
            "ray",
            "Executor ray: the only one that vLLM 0.8.5.post1 supports on 2 nodes",
        ),
        (
            {"accelerator": "Ascend910B-64G"},
            "ray",
            "Executor ray: documented for vLLM 0.23.0 on several nodes with Ascend910B-64G",
        ),
        ({"accelerator": "V100-32G", "nodes": 1}, "mp", "Executor mp: a single node does not need Ray"),
        (
            {"engine": "lmdeploy", "nodes": 1},
            "ray",
            "Executor ray: the only one that LMDeploy {version} supports",
        ),
    ],
)
def test_executor_of_the_planner(settings, executor, reason):
    plan = planned(**settings)
    assert (plan.problems, plan.executor) == ([], executor)
    assert reasons(plan, "executor") == [reason.format(version=plan.engine_version)]
    assert all(bool(node.ray_argv) == (executor == "ray") for node in plan.nodes.values())


@pytest.mark.parametrize("settings", [{"executor": "ray"}, {"executor": "mp"}, {"engine": "sglang"}])
def test_no_reason_without_a_choice(settings):
    plan = planned(**settings)
    assert plan.problems == []
    assert reasons(plan, "executor") == []


def test_own_executor_over_two_nodes():
    plan = planned()
    head, worker = (" ".join(node.argv) for node in plan.nodes.values())
    for argv in (head, worker):
        assert "--distributed-executor-backend mp" in argv
        assert "--nnodes 2" in argv
        assert "--master-addr 10.0.0.1" in argv
    assert "--headless" in worker
    assert "--headless" not in head


def test_image_with_ray():
    plan = planned(executor="ray")
    assert (plan.problems, plan.engine_version, plan.image) == ([], "0.32.0", RUNNER)
    assert reasons(plan, "engine") == [f"vLLM 0.32.0 in {RUNNER}: the newest image with Ray for these settings"]
    assert planned(executor="ray", engine_version="0.32.0").image == RUNNER
    assert planned(executor="ray", engine_version="0.17.1").image == "vllm/vllm-openai:v0.17.1"
    assert planned(engine_version="0.32.0").image == "vllm/vllm-openai:v0.32.0"


def test_image_without_chat_templates_is_not_selected_for_tool_calls():
    plan = planned(model="deepseek-r1-0528", accelerator="H200-141G", executor="ray", enable_auto_tool_choice=True)
    assert (plan.problems, plan.image) == ([], "vllm/vllm-openai:v0.17.1")


def test_version_of_a_configured_image_with_ray():
    plan = planned(executor="ray", engine_image=f"registry.example.com/{RUNNER}", engine_extra_args=["--no-such-flag"])
    assert [problem.code for problem in plan.problems] == ["flag-unsupported"]
    assert plan.engine_version == "0.32.0"


def test_estimate_of_several_nodes():
    assert estimate(Settings(), "H800-80G", 2, 8).plan.executor == "mp"
    assert estimate(Settings(executor="ray"), "H800-80G", 2, 8).plan.executor == "ray"
    assert estimate(Settings(engine="lmdeploy"), "H800-80G", 2, 8).plan.executor == "ray"


@pytest.mark.parametrize(("accelerator", "codes"), [("V100-32G", ["port-clash"]), ("A800-80G", [])])
def test_ray_ports_are_checked_where_the_planner_selects_ray(accelerator, codes):
    ports = {"webui_port": 6380, "replicas": 1}
    values = Settings(model="deepseek-r1-distill-qwen-32b", accelerator=accelerator, **ports).model_dump()
    hosts = {f"n{i}": {**values, "ansible_host": f"10.0.0.{i}"} for i in (1, 2)}
    inventory = Inventory({"ray_head": ["n1"], "ray_worker": ["n2"], "webui": ["n1"]}, hosts)
    assert [problem.code for problem in plan_cluster(inventory).problems] == codes
