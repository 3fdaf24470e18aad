"""Plans, in the JSON form that the gateway reads."""

from typing import Any


def plan(model: str, head: str, **changes: Any) -> dict[str, Any]:
    """Return the part of a plan that the gateway reads."""
    return {
        "engine": "vllm",
        "protocol": "openai",
        "served_model_name": model,
        "head": head,
        "port": 8000,
        "api_path": "/v1",
        "takes_api_key": True,
        "max_num_seqs": 0,
        "data_parallel_size": 1,
        "nodes": {head: {"address": "10.0.0.1"}},
        **changes,
    }
