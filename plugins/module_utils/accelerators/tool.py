"""Execution of a vendor's tool, which may be missing, hang, crash or print invalid output."""

from __future__ import annotations

from ansible.module_utils.messages import N_, Message, os_reason
from ansible.module_utils.processes import run

_OUTPUT_LIMIT = 32 * 1024 * 1024  # characters


class ToolError(Exception):
    """A tool could not be used; `message` is the reason."""

    def __init__(self, message):
        super().__init__(str(message))
        self.message = message


def run_tool(argv, timeout):
    """Return the output of a tool; raises ToolError if it is missing, hangs or fails."""
    shown = " ".join(argv)
    try:
        code, text = run(argv, timeout)
    except TimeoutError:
        hung = N_("`{tool}` did not finish within {seconds} seconds; see the kernel log.")
        raise ToolError(Message("tool-hung", hung, tool=shown, seconds=timeout)) from None
    except OSError as error:
        broken = N_("`{tool}` cannot be started: {reason}.")
        raise ToolError(Message("tool-broken", broken, tool=shown, reason=os_reason(error))) from None
    text = text[:_OUTPUT_LIMIT]
    if code != 0:
        if code < 0:
            failed = N_("`{tool}` was killed by signal {status}.")
            with_output = N_("`{tool}` was killed by signal {status}: {output}.")
        else:
            failed = N_("`{tool}` exited with code {status}.")
            with_output = N_("`{tool}` exited with code {status}: {output}.")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        values = {"tool": shown, "status": abs(code)}
        if lines:
            raise ToolError(Message("tool-failed", with_output, output=lines[-1][:200], **values))
        raise ToolError(Message("tool-failed", failed, **values))
    return text
