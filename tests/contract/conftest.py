"""Engines' own parsers, in environments of their own."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab import config
from lab.problem import LabError
from lab.trees import PYTHON, tree

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def vllm_says() -> Iterator[Callable[[list[list[str]]], list[str]]]:
    """Yield what asks the vLLM of the practice cluster about command lines; skips where it cannot be installed."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" != PYTHON:
        pytest.skip(f"vLLM's packages are for Python {PYTHON}, this is {sys.version.split()[0]}")
    try:
        cache = config.load().cache
        cache.joinpath("logs").mkdir(parents=True, exist_ok=True)
        packages = tree(cache, "engine") / "site-packages"
    except (LabError, OSError) as problem:
        pytest.skip(f"vLLM cannot be installed here: {problem}")
    env = {
        **os.environ,
        "PYTHONPATH": str(packages),
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1",
        "VLLM_LOGGING_LEVEL": "ERROR",
    }

    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(
            [sys.executable, "-s", HERE / "parse_vllm.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=env,
        ) as process,
    ):

        def ask(argvs: list[list[str]]) -> list[str]:
            process.stdin.write(json.dumps(argvs) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if not line:
                log.seek(0)
                pytest.fail(f"vLLM's parser ended: {log.read()[-2000:]}")
            return json.loads(line)

        yield ask
        process.stdin.close()
