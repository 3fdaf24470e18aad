"""Own questions, and the variables that the role passes."""

import json
from pathlib import Path
from typing import Any

import pytest

GIVEN: dict[str, Any] = {
    "datasets": ["math_500"],
    "limit": 0.0,
    "n": 1,
    "batch_size": 8,
    "max_tokens": 32768,
    "temperature": 0.6,
    "top_p": 0.95,
    "top_k": 0,
    "stream": True,
    "timeout": 3600,
    "run_code": False,
    "dataset_hub": "modelscope",
    "reference": "",
    "within": 3.0,
}
PLAN = {
    "model": "deepseek-r1",
    "served_model_name": "deepseek-r1",
    "checkpoint": "deepseek-ai/DeepSeek-R1",
    "engine": "vllm",
    "engine_version": "0.32.0",
    "image": "vllm/vllm-openai:v0.32.0",
    "max_model_len": 65536,
    "port": 8000,
}


@pytest.fixture
def given() -> dict[str, Any]:
    return {**GIVEN}


@pytest.fixture
def plan() -> dict[str, Any]:
    return {**PLAN}


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """A folder with three questions."""
    folder = tmp_path / "questions"
    folder.mkdir()
    lines = [{"query": f"What is {n} + {n}?", "response": str(2 * n)} for n in (1, 2, 3)]
    (folder / "default.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return folder
