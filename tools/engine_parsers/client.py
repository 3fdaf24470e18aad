"""A client for the parser process of an engine, which answers any number of requests."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from types import TracebackType
from typing import Any, Self

from tools.engine_parsers.environments import HERE, Environment


class ParserError(RuntimeError):
    """The parser of an engine did not start, or exited; the text is the end of its output."""


class EngineParser:
    """The parser of one version of an engine, as a context manager.

    Entering it raises LabError if its packages cannot be installed.
    """

    def __init__(self, environment: Environment) -> None:
        self.environment = environment

    def __enter__(self) -> Self:
        packages = self.environment.packages()
        self._log = tempfile.TemporaryFile("w+")
        self._process = subprocess.Popen(
            [sys.executable, "-s", "-P", HERE / "server.py", self.environment.program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": str(packages),
                "HF_HUB_OFFLINE": "1",
                "VLLM_NO_USAGE_STATS": "1",
                "VLLM_TARGET_DEVICE": "cpu",  # of a build for GPUs: without one it knows no device
                "VLLM_LOGGING_LEVEL": "ERROR",
            },
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._log.close()

    def refusals(self, argvs: list[list[str]]) -> list[str]:
        """Return the parser error of each command line; empty if it is valid."""
        return self._request(argvs)

    def options(self) -> list[list[str]]:
        """Return every option of the command line, each with all its spellings."""
        return self._request("options")

    def switches(self) -> list[str]:
        """Return the first spelling of every option without a value."""
        return self._request("switches")

    def _request(self, request: Any) -> Any:
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._process.wait()
            self._log.seek(0)
            raise ParserError(f"The parser of {self.environment.name} exited: {self._log.read()[-2000:]}")
        return json.loads(line)
