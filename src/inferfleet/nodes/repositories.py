"""Why a repository of packages could not be used, out of what a package manager said."""

import re
from collections.abc import Mapping
from typing import Any

_CAUSES = (
    (
        r"NO_PUBKEY|not signed|Missing key|signature.*(?:invalid|not verif)|GPG check FAILED",
        "it is signed with another key",
    ),
    (r"EXPKEYSIG|expired", "the key or the repository's index has expired"),
    (r"Could not resolve|Name or service not known|Temporary failure in name", "its host name cannot be resolved"),
    (r"Connection refused|timed out|Could not connect|No route|unreachable|Connection failure", "it does not answer"),
    (r"404|Not Found|does not have a Release file", "there is no repository at that address"),
    (r"certificate", "its TLS certificate is not trusted"),
    (r"No space left", "the node's disk is full"),
)


def repository_reason(result: Mapping[str, Any]) -> str:
    """Return one sentence out of a failed task's result: the cause where it is known, and what was said."""
    text = "\n".join(str(result.get(key) or "") for key in ("stderr", "stdout", "msg"))
    cause = next((cause for pattern, cause in _CAUSES if re.search(pattern, text, re.IGNORECASE)), "")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = next((line for line in lines if line.startswith(("E:", "Err:", "W:", "Error:"))), lines[0] if lines else "")
    said = said.rstrip(".")[:300]
    if cause and said:
        return f"{cause} ({said})."
    return f"{cause or said or 'no reason given'}."
