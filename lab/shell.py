"""Run external commands and return their output."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.problem import LabError


def run(argv: Sequence[str | Path], log: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run `argv` to its end and return its standard output.

    With `log`, both streams go to that file and the result is empty. `env` is added to the environment.
    Raises LabError with the last output line of the command if it fails or is not installed.
    """
    environment = {**os.environ, **(env or {})}
    try:
        if log is None:
            done = subprocess.run(argv, capture_output=True, text=True, env=environment, check=False)
            output = done.stderr or done.stdout
        else:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("w") as stream:
                done = subprocess.run(
                    argv, stdout=stream, stderr=subprocess.STDOUT, text=True, env=environment, check=False
                )
            output = log.read_text()
    except FileNotFoundError:
        raise LabError(f"The command {argv[0]} is missing. Run `make bootstrap`.") from None
    if done.returncode:
        lines = [line for line in output.splitlines() if line.strip()]
        where = f" The complete output is in {log}." if log else ""
        raise LabError(f"{argv[0]} failed ({done.returncode}): {lines[-1] if lines else 'no output'}.{where}")
    return done.stdout or ""


def has_ended(pid: int) -> bool:
    """Return whether a process has exited and closed its sockets, even if its exit code was not collected.

    The main thread of a killed process becomes a zombie while its other threads, and its sockets, still exist.
    """
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state in "ZX" and len(list(Path(f"/proc/{pid}/task").iterdir())) <= 1
    except OSError:
        return True
