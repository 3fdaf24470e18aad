"""Runs a vendor's tool, which may be missing, hang, crash or answer garbage."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess

_OUTPUT_LIMIT = 32 * 1024 * 1024  # bytes


class ToolError(Exception):
    """A tool could not be used; carries a code and a message for people."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def run_tool(argv, timeout):
    """Return what a tool prints; raises ToolError when it is missing, hangs or fails."""
    shown = " ".join(argv)
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "LC_ALL": "C"},
        )
    except OSError as error:
        raise ToolError("tool-broken", f"`{shown}` cannot be started: {error.strerror}.") from None
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        # A driver in trouble leaves the tool in the kernel, so its whole group is ended and not waited for long.
        os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=2)
        message = f"`{shown}` did not answer within {timeout} seconds; see the kernel log."
        raise ToolError("tool-hung", message) from None
    text = output[:_OUTPUT_LIMIT].decode("utf-8", "replace")
    if process.returncode != 0:
        code = process.returncode
        how = f"was ended by signal {-code}" if code < 0 else f"left with {code}"
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        said = f": {lines[-1][:200]}" if lines else ""
        raise ToolError("tool-failed", f"`{shown}` {how}{said}.")
    return text
