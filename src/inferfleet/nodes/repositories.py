"""Cause of a package repository failure, from the output of the package manager."""

import re
from collections.abc import Mapping
from typing import Any

from inferfleet.messages import N_, Message

_CAUSES = (
    (
        r"NO_PUBKEY|not signed|Missing key|signature.*(?:invalid|not verif)|GPG check FAILED",
        N_("it is signed with a different key"),
    ),
    # apt (acquire-item.cc) and OpenSSL
    (r"is not valid yet|is not yet valid", N_("the node's clock is slow")),
    (r"EXPKEYSIG|expired", N_("the key or the repository's index has expired")),
    (r"Could not resolve|Name or service not known|Temporary failure in name", N_("its host name cannot be resolved")),
    (
        r"Connection refused|timed out|Could not connect|No route|unreachable|Connection failure",
        N_("it is unreachable"),
    ),
    (r"404|Not Found|does not have a Release file", N_("the address has no repository")),
    (r"certificate", N_("its TLS certificate is not trusted")),
    (r"No space left", N_("the node's disk is full")),
)


def repository_reason(result: Mapping[str, Any]) -> Message:
    """Return the cause (if known) and the error line of a failed task as one sentence."""
    text = "\n".join(str(result.get(key) or "") for key in ("stderr", "stdout", "msg"))
    causes = [Message("", cause) for pattern, cause in _CAUSES if re.search(pattern, text, re.IGNORECASE)]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    line = next((line for line in lines if line.startswith(("E:", "Err:", "W:", "Error:"))), lines[0] if lines else "")
    line = line.rstrip(".")[:300]
    if causes and line:
        return Message("", "{cause} ({line}).", cause=causes[0], line=line)
    return Message("", "{cause}.", cause=causes[0] if causes else line or Message("", N_("no reason given")))
