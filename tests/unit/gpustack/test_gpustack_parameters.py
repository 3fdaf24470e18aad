"""vLLM parameters of GPUStack's models."""

import pytest

from inferfleet.engines.gpustack.command import gpustack_parameters
from inferfleet.planner import make_plan
from inferfleet.settings import Settings

NODES = {f"n{i}": {"role": "head" if i == 1 else "worker", "address": f"10.0.0.{i}"} for i in range(1, 5)}


def plan_of(**contract):
    plan = make_plan(
        Settings(**{"accelerator": "A800-80G", "engine": "gpustack", "engine_port": 8000, **contract}), NODES
    )
    assert plan.problems == []
    return plan


def parameters(**contract):
    # As the role has the plan: a fact.
    fact = plan_of(**contract).as_dict()
    return gpustack_parameters(fact)


def test_parameters_follow_the_plan():
    assert parameters(max_model_len=32768, max_num_seqs=64) == [
        "--tensor-parallel-size=8",
        "--pipeline-parallel-size=4",
        "--reasoning-parser=deepseek_r1",
        "--dtype=bfloat16",
        "--max-model-len=32768",
        "--max-num-seqs=64",
        "--gpu-memory-utilization=0.90",
    ]


def test_engine_settings_become_vllm_options():
    found = parameters(accelerator="H800-80G", enable_expert_parallel=True, kv_cache_dtype="fp8", max_model_len=8192)
    assert "--enable-expert-parallel" in found
    assert "--kv-cache-dtype=fp8" in found


@pytest.mark.parametrize(
    ("extra", "items"),
    [
        (["--swap", "4"], ["--swap=4"]),
        (["--swap=4"], ["--swap=4"]),
        (["--flag", "--other", "x"], ["--flag", "--other=x"]),
        (["--offset", "-1"], ["--offset=-1"]),
        (["--stop=a=b"], ["--stop=a=b"]),
    ],
)
def test_extra_arguments_come_last(extra, items):
    fact = plan_of().as_dict()
    plain = gpustack_parameters(fact)
    found = gpustack_parameters(fact, enforce_eager=True, max_num_batched_tokens=4096, extra=extra)
    assert found == [*plain, "--max-num-batched-tokens=4096", "--enforce-eager", *items]


@pytest.mark.parametrize("version", ["2.3.0", "0.7.1"])
def test_generations_differ_in_the_environment_only(version):
    head, worker, *_ = plan_of(engine_version=version).nodes.values()
    assert head.argv == ["gpustack", "start", "--port", "8000", "--worker-ip", "10.0.0.1"]
    assert worker.argv == ["gpustack", "start", "--server-url", "http://10.0.0.1:8000", "--worker-ip", "10.0.0.2"]
    assert ("GPUSTACK_ENABLE_RAY" in worker.env) == (version == "0.7.1")
    assert ("GPUSTACK_ENABLE_WORKER" in head.env) == (version == "2.3.0")


def test_engines_do_not_inherit_secrets():
    env = plan_of().nodes["n1"].env
    hidden = env["GPUSTACK_RUNTIME_DEPLOY_MIRRORED_DEPLOYMENT_IGNORE_ENVIRONMENTS"].split(";")
    assert hidden == ["GPUSTACK_TOKEN", "GPUSTACK_BOOTSTRAP_PASSWORD"]
