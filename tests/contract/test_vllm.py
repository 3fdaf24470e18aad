"""Every command line that the planner writes for vLLM is one that vLLM takes."""

from pathlib import Path

import pytest

from inferfleet.cli.planned import plan_inventory
from inferfleet.cli.read_inventory import read_inventory
from inferfleet.planning import make_plan

ROOT = Path(__file__).parents[2]
INVENTORIES = sorted(p.parent.name for p in (ROOT / "inventories").glob("*/hosts.yml"))
# Of the lab's and the fleets' variants: everything that changes a command line.
VARIANTS = [
    ("lab", {"executor": "mp"}),
    ("va16", {"engine_mode": "mtp"}),
    ("h800", {"kv_cache_dtype": "fp8"}),
    ("h800", {"enable_expert_parallel": True}),
    ("h200", {"num_speculative_tokens": 1}),
    ("h200", {"max_num_batched_tokens": 16384, "enforce_eager": True}),
    ("h800", {"executor": "mp"}),
    ("a800", {"dtype": "half"}),
]


def argvs(name, extra=None):
    plan, problems = plan_inventory(read_inventory(str(ROOT / "inventories" / name), extra), {})
    assert (problems, plan.problems) == ([], [])
    # This parser is newer than V100's image, which wants a switch that went with 0.10.
    return [[word for word in node.argv if word != "--enable-reasoning"] for node in plan.nodes.values() if node.argv]


@pytest.fixture(scope="module")
def every():
    cases = [(name, None) for name in INVENTORIES] + VARIANTS
    return {(name, str(extra)): argvs(name, extra) for name, extra in cases}


def test_vllm_takes_every_command_line(vllm_says, every):
    asked = [(case, argv) for case, lines in every.items() for argv in lines]
    assert len(asked) >= len(INVENTORIES) + len(VARIANTS)
    answers = vllm_says([argv for _, argv in asked])
    refused = {f"{case} {argv}": said for (case, argv), said in zip(asked, answers, strict=True) if said}
    assert refused == {}


def test_its_parser_does_refuse(vllm_says):
    good = argvs("h200")[0]
    bad = [
        [*good, "--tensor-para", "4"],
        [*good, "--no-such-flag"],
        [*good, "--dtype", "int3"],
        [*good, "--enable-reasoning"],
        [*good, "--max-model-len", "many"],
    ]
    assert all(vllm_says(bad))


def test_flags_that_went_are_refused_by_both(vllm_says):
    nodes = {"n1": {"role": "head", "address": "10.0.0.1"}}
    for flag in ("--enable-reasoning", "--use-v2-block-manager", "--num-scheduler-steps=4", "--swap-space=4"):
        contract = {"accelerator": "H200-141G", "executor": "mp", "engine_extra_args": [flag]}
        assert [p.code for p in make_plan(contract, nodes).problems] == ["flag-unsupported"]
        assert vllm_says([["vllm", "serve", "m", flag]]) != [""]
