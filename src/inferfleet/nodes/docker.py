"""Docker's start error, from its journal."""

import re

from inferfleet.messages import N_, Message

_ERROR = re.compile(
    r"failed to start daemon|unable to configure|failed to load|no space left|error (?:initializing|while)", re.I
)


def docker_start_error(journal: str) -> Message:
    """Return the last error line of Docker's journal as a sentence."""
    lines = [line.strip() for line in journal.splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR.search(line)] or lines
    if not errors:
        return Message("", N_("its journal is empty."))
    line = errors[-1]
    message = re.search(r'msg="((?:[^"\\]|\\.)*)"', line)
    text = message.group(1).replace('\\"', '"') if message else line
    return Message("", "{line}.", line=text.rstrip(".")[:400])
