"""Redaction of secrets in text before it is stored or printed."""

import re
from collections.abc import Mapping

HIDDEN = "<hidden>"
_MIN_LENGTH = 6  # characters: shorter values would match ordinary words
# Patterns of secrets, for logs whose secrets are unknown.
_PATTERNS = (
    re.compile(r"(?i)(\bBearer\s+)[\w.~+/=-]{8,}"),
    re.compile(r"(?i)((?:api[_-]?key|auth[_-]?token|access[_-]?token|secret(?:[_-]?key)?|passw(?:or)?d|HF_TOKEN)"
               r"[\"']?\s*[=:]\s*\[?\s*[\"']?)(?!None\b|null\b|False\b|True\b|<hidden>)[^\s\"',\]}&]{6,}"),
    re.compile(r"(?i)(--api-key[ =]+)(?!<hidden>)\S{6,}"),
    re.compile(r"()\b(?:sk-[A-Za-z0-9_-]{16,}|hf_[A-Za-z0-9]{20,}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,})"),
    re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s:/@]+:)[^\s:/@]+(?=@)"),
)  # fmt: skip


class Hider:
    """Replaces known secrets with their names, and probable secrets with `<hidden>`."""

    def __init__(self, secrets: Mapping[str, str] | None = None) -> None:
        """`secrets` maps names to values; short values are ignored."""
        known = {value: name for name, value in (secrets or {}).items() if value and len(value) >= _MIN_LENGTH}
        self._names = known
        longest_first = sorted(known, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if known else None

    def __call__(self, text: str) -> str:
        """Return the text without secrets."""
        if self._known:
            text = self._known.sub(lambda match: f"<{self._names[match[0]]}>", text)
        for pattern in _PATTERNS:
            text = pattern.sub(rf"\g<1>{HIDDEN}", text)
        return text
