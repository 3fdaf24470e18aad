"""Build EvalScope's configuration from settings and plan."""

import hashlib
from collections.abc import Mapping
from typing import Any

from inferfleet.evaluate.environment import version
from inferfleet.evaluate.reference import Reference
from inferfleet.evaluate.settings import Dataset, Settings

# Retries of a failed request and the seconds between them; the next run sends what is still missing.
RETRIES, RETRY_INTERVAL = 2, 5
_PROMPT_TOKENS = 4096  # reserved for the question if the context is long
# Keys of the plan that affect the answers.
_PLAN_KEYS = (
    *(
        "name",
        "service",
        "model",
        "served_model_name",
        "checkpoint",
        "precision",
        "dtype",
        "kv_cache_dtype",
        "engine",
        "engine_version",
    ),
    *("image", "accelerator", "accelerators", "tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size"),
    *("expert_parallel_size", "max_model_len"),
)


def plan_summary(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a plan that affect the answers."""
    return {key: plan[key] for key in _PLAN_KEYS if key in plan}


def max_tokens(settings: Settings, max_model_len: int) -> int:
    """Return the maximum tokens of an answer: the setting, limited by what the context leaves after the question."""
    if not max_model_len:
        return settings.max_tokens
    return min(settings.max_tokens, max_model_len - min(_PROMPT_TOKENS, max_model_len // 2))


def make_task(settings: Settings, reference: Reference | None, model: str, max_model_len: int) -> dict[str, Any]:
    """Return EvalScope's TaskConfig without the values that differ between runs: URL, key and folders."""
    generation: dict[str, Any] = {
        "max_tokens": max_tokens(settings, max_model_len),
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "stream": settings.stream,
        "timeout": settings.timeout,
        "retries": RETRIES,
        "retry_interval": RETRY_INTERVAL,
    }
    if settings.top_k:
        generation["top_k"] = settings.top_k
    return {
        "model": model,
        "eval_type": "openai_api",
        "datasets": [dataset.name for dataset in settings.datasets],
        "dataset_args": {dataset.name: _dataset_args(dataset, reference) for dataset in settings.datasets},
        "dataset_hub": settings.dataset_hub,
        "generation_config": generation,
        "limit": int(settings.limit) if settings.limit >= 1 else settings.limit or None,
        "repeats": settings.n,
        "eval_batch_size": settings.batch_size,
        "judge": {"strategy": "rule"},
        "ignore_errors": True,  # a question without an answer is counted, the others are still sent
    }


def make_request(settings: Settings, task: Mapping[str, Any], plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return the identity of an evaluation: runs with the same request are parts of one evaluation."""
    data = {
        str(file): hashlib.sha256(file.read_bytes()).hexdigest()
        for dataset in settings.datasets
        if dataset.own_data
        for file in dataset.files().values()
    }
    return {"evalscope": version(), "task": dict(task), "plan": plan_summary(plan), "data": data}


def _dataset_args(dataset: Dataset, reference: Reference | None) -> dict[str, Any]:
    score = reference.scores.get(dataset.name) if reference else None
    # Without a reasoning parser the answer contains the reasoning, mostly without its opening tag.
    args: dict[str, Any] = {"filters": {"remove_until": "</think>"}, **(score.args if score else {})}
    if dataset.subsets:
        args["subset_list"] = list(dataset.subsets)
    if dataset.path:
        args["local_path"] = dataset.path
    if dataset.name == "general_qa":
        args["metric_list"] = ["Rouge"]  # BLEU would download NLTK's tokenizer, and score zero without it
    return args | dataset.args
