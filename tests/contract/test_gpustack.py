"""vLLM accepts every option with which GPUStack starts it."""

from pathlib import Path

import pytest

from inferfleet.engines.gpustack.command import gpustack_parameters
from inferfleet.inventory.read import read_inventory
from inferfleet.planner import plan_cluster

ROOT = Path(__file__).parents[2]
FLEETS = ["a800", "h800", "h200"]


@pytest.mark.parametrize("version", ["2.3.0", "0.7.1"])
@pytest.mark.parametrize("name", ["vllm-0.32.0"])
def test_vllm_accepts_gpustack_parameters(parser_of, name, version):
    argvs = []
    for fleet in FLEETS:
        extra = {"engine": "gpustack", "engine_version": version, "executor": "mp"}
        cluster = plan_cluster(read_inventory(str(ROOT / "inventories" / fleet), extra), {})
        (plan,), problems = cluster.plans, cluster.problems
        assert (problems, plan.problems) == ([], [])
        parameters = gpustack_parameters(plan.as_dict(), enforce_eager=True, max_num_batched_tokens=8192)
        # Options added by GPUStack: _build_command_args of its gpustack/worker/backends/vllm.py.
        argvs.append(["vllm", "serve", plan.model_path, *parameters, "--host=0.0.0.0", "--served-model-name=x"])
    vllm = parser_of(name)
    assert vllm.refusals(argvs) == [""] * len(FLEETS)
    assert vllm.refusals([[*argvs[0], "--no-such-flag"]]) != [""]
