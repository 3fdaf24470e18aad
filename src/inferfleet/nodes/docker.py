"""What Docker says when it does not start."""

import re

_TELLING = re.compile(
    r"failed to start daemon|unable to configure|failed to load|no space left|error (?:initializing|while)", re.I
)


def docker_start_error(journal: str) -> str:
    """Return the last line of Docker's journal that says why, as a sentence."""
    lines = [line.strip() for line in journal.splitlines() if line.strip()]
    telling = [line for line in lines if _TELLING.search(line)] or lines
    if not telling:
        return "its journal is empty."
    line = telling[-1]
    message = re.search(r'msg="((?:[^"\\]|\\.)*)"', line)
    text = message.group(1).replace('\\"', '"') if message else line
    return text.rstrip(".")[:400] + "."
