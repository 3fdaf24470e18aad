"""All command lines to check: of the shipped inventories, their variants, and a matrix of fleets."""

import functools
import itertools
from collections.abc import Iterator
from pathlib import Path

from inferfleet.inventory.read import read_inventory
from inferfleet.planner import Plan, make_plan, plan_cluster
from inferfleet.settings import Settings

ROOT = Path(__file__).parents[2]
INVENTORIES = sorted(p.parent.name for p in (ROOT / "inventories").glob("*/hosts.yml"))
Argv = tuple[str, ...]

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
    ("mi300x", {"engine": "sglang"}),
    ("h200", {"engine": "sglang", "data_parallel_size": 8, "enable_expert_parallel": True}),
    ("h200", {"engine": "lmdeploy"}),
    ("h800", {"engine": "tensorrt-llm"}),
    ("h200", {"profile": "throughput", "executor": "mp", "accelerators_per_node": 8}),
    ("h800", {"profile": "long-context"}),
]
ENGINES = ("vllm", "sglang", "lmdeploy", "tensorrt-llm")
MODELS = (
    "deepseek-r1",
    "deepseek-r1-0528",
    "deepseek-v3",
    "deepseek-r1-distill-llama-8b",
    "deepseek-r1-distill-qwen-32b",
)
ACCELERATORS = ("V100-32G", "A800-80G", "H20-96G", "H800-80G", "H200-141G", "MI300X-192G", "Ascend910B-64G")
SETTINGS = (
    {},
    {"kv_cache_dtype": "fp8", "max_num_batched_tokens": 4096},
    {"kv_cache_dtype": "fp8_e5m2", "enforce_eager": True},
    {"num_speculative_tokens": 1, "dtype": "half"},
    {"enable_expert_parallel": True, "max_model_len": 16384, "max_num_seqs": 32},
    {"precision": "int4"},
    {"data_parallel_size": 8, "enable_expert_parallel": True, "num_speculative_tokens": 1},
    {"enable_auto_tool_choice": True},
    {"enable_prefix_caching": False},
    {"profile": "latency"},
    {"profile": "throughput"},
    {"profile": "long-context"},
)
# Versions whose parser is not available are checked with that of the nearest version.
STAND_INS = {
    "vllm-0.31.0": "vllm-0.32.0",
    "vllm-0.23.0": "vllm-0.32.0",
    "sglang-0.5.16": "sglang-0.5.23",
    "vllm_vacc-AI3.2_GR_1202": "vllm-0.32.0",
}


def shipped() -> Iterator[tuple[str, Plan]]:
    """Yield the plan of every inventory and variant, with its name; each must be valid."""
    for name, extra in [*((name, None) for name in INVENTORIES), *VARIANTS]:
        cluster = plan_cluster(read_inventory(str(ROOT / "inventories" / name), extra), {})
        plans, problems = cluster.plans, cluster.problems
        for plan in plans:
            assert (problems, plan.problems) == ([], []), (name, extra)
            yield f"{name} {plan.service} {extra or ''}".strip(), plan


def matrix() -> Iterator[tuple[str, Plan]]:
    """Yield every valid plan of engines on fleets with settings."""
    fleets = itertools.product(ENGINES, MODELS, ACCELERATORS, (1, 2, 4), ("ray", "mp"))
    for engine, model, accelerator, count, executor in fleets:
        nodes = {f"n{i}": {"role": "worker" if i else "head", "address": f"10.0.0.{i + 1}"} for i in range(count)}
        base = {"engine": engine, "model": model, "accelerator": accelerator, "executor": executor}
        for settings in SETTINGS:
            plan = make_plan(Settings(**base | settings), nodes)
            if plan.works:
                yield f"{engine} {model} {count} x {accelerator} {executor} {settings}", plan
            elif not settings:
                break  # invalid without settings, so invalid with settings too


@functools.cache
def by_parser() -> dict[str, dict[Argv, str]]:
    """Return each distinct command line with its first case, by the name of the parser that reads it."""
    found: dict[str, dict[Argv, str]] = {}
    for case, plan in itertools.chain(shipped(), matrix()):
        version = f"{plan.engine}-{plan.engine_version}"
        lines = found.setdefault(STAND_INS.get(version, version), {})
        for node in plan.nodes.values():
            if argv := _of_engine(plan, node.argv):
                lines.setdefault(argv, case)
    return found


def _of_engine(plan: Plan, argv: list[str]) -> Argv:
    """Return the engine's part of a command line: without mpirun, empty for a node that waits for mpirun."""
    if plan.launcher != "mpi":
        return tuple(argv)
    return tuple(argv[argv.index("trtllm-serve") :]) if "trtllm-serve" in argv else ()
