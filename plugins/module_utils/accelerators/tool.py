"""Runs a vendor's tool, which may be missing, hang, crash or answer garbage."""

from __future__ import annotations

from ansible.module_utils.processes import run

_OUTPUT_LIMIT = 32 * 1024 * 1024  # characters


class ToolError(Exception):
    """A tool could not be used; carries a code and a message for people."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def run_tool(argv, timeout):
    """Return what a tool prints; raises ToolError when it is missing, hangs or fails."""
    shown = " ".join(argv)
    try:
        code, text = run(argv, timeout)
    except TimeoutError:
        message = f"`{shown}` did not answer within {timeout} seconds; see the kernel log."
        raise ToolError("tool-hung", message) from None
    except OSError as error:
        raise ToolError("tool-broken", f"`{shown}` cannot be started: {error.strerror}.") from None
    text = text[:_OUTPUT_LIMIT]
    if code != 0:
        how = f"was ended by signal {-code}" if code < 0 else f"left with {code}"
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        said = f": {lines[-1][:200]}" if lines else ""
        raise ToolError("tool-failed", f"`{shown}` {how}{said}.")
    return text
