"""A finished command."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Done:
    """Its exit code and what it printed."""

    exit_code: int
    stdout: str
    stderr: str
