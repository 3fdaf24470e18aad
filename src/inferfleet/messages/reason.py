"""Why a value is invalid or a file cannot be opened, as a message: the texts of pydantic and the system are English."""

import re
from collections.abc import Mapping
from typing import Any

from inferfleet.messages.message import N_, Message, literal

_MISSING = N_("it is missing")
_INTEGER = N_("it is not an integer")
_NUMBER = N_("it is not a number")
_SWITCH = N_("it is neither true nor false")
_LIST = N_("it is not a list")
_MAPPING = N_("it is not a mapping")
_SHORT = N_("it has fewer than {min_length} items")
_LOW = N_("it is less than {ge}")
_KINDS = {
    "missing": _MISSING,
    "extra_forbidden": N_("there is no such key"),
    "string_type": N_("it is not text"),
    "int_type": _INTEGER,
    "int_parsing": _INTEGER,
    "int_from_float": _INTEGER,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "bool_type": _SWITCH,
    "bool_parsing": _SWITCH,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "greater_than": N_("it is not greater than {gt}"),
    "greater_than_equal": _LOW,
    "less_than": N_("it is not less than {lt}"),
    "less_than_equal": N_("it is more than {le}"),
    "too_short": _SHORT,
    "string_too_short": N_("it has fewer than {min_length} characters"),
    "string_pattern_mismatch": N_("it does not match the pattern {pattern}"),
}
"""Templates with the values in the context of pydantic's error, by its type."""
SYSTEM_TEXTS = (
    N_("No such file or directory"),
    N_("Permission denied"),
    N_("Operation not permitted"),
    N_("Is a directory"),
    N_("Not a directory"),
    N_("File exists"),
    N_("No space left on device"),
    N_("Disk quota exceeded"),
    N_("Read-only file system"),
    N_("Input/output error"),
    N_("Cannot allocate memory"),
    N_("Too many open files"),
    N_("Device or resource busy"),
    N_("File too large"),
    N_("Invalid argument"),
    N_("Exec format error"),
    N_("Stale file handle"),
    N_("Broken pipe"),
    N_("Connection refused"),
    N_("Connection reset by peer"),
    N_("Connection timed out"),
    N_("timed out"),
    N_("No route to host"),
    N_("Host is down"),
    N_("Network is down"),
    N_("Network is unreachable"),
    N_("Address already in use"),
    N_("Cannot assign requested address"),
    N_("Name or service not known"),
    N_("Temporary failure in name resolution"),
)
"""Texts of strerror(3), gai_strerror(3) and Python's sockets that have a translation; nodes report them as they are."""


class InvalidValueError(ValueError):
    """A value that a validator of a data file rejects; the message completes "key …:"."""

    def __init__(self, template: str, /, **parameters: Any) -> None:
        self.message = Message("", template, **parameters)
        super().__init__(self.message.render("en"))


def reason_of(error: Mapping[str, Any]) -> Message | str:
    """Return why pydantic rejected a value, from one of its errors; its own text if the kind is uncommon."""
    context = error.get("ctx") or {}
    given, kind = context.get("error"), str(error["type"])
    if isinstance(given, InvalidValueError):
        return given.message
    if kind in ("literal_error", "enum"):  # expected: "'a', 'b' or 'c'"
        return Message("", N_("it is not one of {choices}"), choices=re.findall("'([^']*)'", context["expected"]))
    return Message("", _KINDS[kind], **context) if kind in _KINDS else str(error["msg"])


def os_reason(error: OSError) -> Message:
    """Return why the system rejected an operation; an uncommon text (not in `SYSTEM_TEXTS`) is shown in English."""
    return literal(error.strerror or str(error))
