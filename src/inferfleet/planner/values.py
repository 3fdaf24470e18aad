"""Values of the contract that no plan can have, whatever the machines are."""

from collections.abc import Mapping
from typing import Any

from inferfleet.planner.refusals import BadValue, Refusal

MOST_PER_NODE = 64
"""Accelerators of one node, at most."""


def value_problems(asked: Mapping[str, Any]) -> list[Refusal]:
    """Return the values that are out of range or of a wrong kind."""
    problems: list[Refusal] = []
    share = asked["gpu_memory_utilization"]
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
        problems.append(
            BadValue(
                f"Variable gpu_memory_utilization is {share!r}, which is not a share between 0 and 1.",
                "Set gpu_memory_utilization to 0.9.",
                {"gpu_memory_utilization": 0.9},
            )
        )
    for key in (
        "tensor_parallel_size",
        "pipeline_parallel_size",
        "data_parallel_size",
        "max_model_len",
        "max_num_seqs",
        "max_num_batched_tokens",
        "num_speculative_tokens",
        "accelerators_per_node",
    ):
        value = asked[key]
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            problems.append(
                BadValue(
                    f"Variable {key} is {value!r}, which is not a whole number of at least 0.",
                    f"Set {key} to 0 to leave it to the planner.",
                    {key: 0},
                )
            )
    if not problems and asked["accelerators_per_node"] > MOST_PER_NODE:
        problems.append(
            BadValue(
                f"Variable accelerators_per_node is {asked['accelerators_per_node']}, more than any server holds.",
                f"Set accelerators_per_node to at most {MOST_PER_NODE}, or to 0 for what the nodes report.",
                {"accelerators_per_node": 0},
            )
        )
    choices = {
        "executor": ("ray", "mp"),
        "dtype": ("auto", "half", "float16", "bfloat16", "float", "float32"),
        "kv_cache_dtype": ("auto", "bfloat16", "fp8", "fp8_e4m3", "fp8_e5m2"),
        "precision": ("", "fp32", "bf16", "fp16", "fp8", "int8", "int4"),
    }
    for key, values in choices.items():
        if asked[key] not in values:
            named = ", ".join(value or "empty" for value in values)
            problems.append(
                BadValue(
                    f"Variable {key} is {asked[key]!r}, which is not one of its values.",
                    f"Set {key} to one of {named}.",
                    {key: values[0]},
                )
            )
    return problems
