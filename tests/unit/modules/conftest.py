import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hardware import ROOT


@pytest.fixture(scope="session")
def run() -> Callable[..., dict[str, Any]]:
    """Run a module as Ansible does, in a process of its own, and return its result."""

    def run_(name: str, path: str | None = None, **params: Any) -> dict[str, Any]:
        arguments = {**params, "_ansible_check_mode": True, "_ansible_remote_tmp": "/tmp"}
        env = {**os.environ, "PATH": path} if path is not None else None
        done = subprocess.run(
            [sys.executable, str(ROOT / "tests" / "run_module.py"), name],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
            capture_output=True,
            text=True,
            timeout=60,
            env=env,
        )
        assert "Traceback" not in done.stderr
        return json.loads(done.stdout)

    return run_


@pytest.fixture
def tool(tmp_path: Path) -> Callable[[str, str], str]:
    """Write an executable script of a name and return its path."""

    def write(name: str, script: str) -> str:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return str(path)

    return write
