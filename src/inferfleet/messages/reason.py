"""Why a value is invalid or a file cannot be opened, as a message: the texts of pydantic and the system are English."""

import errno
import re
from collections.abc import Mapping
from typing import Any

from inferfleet.messages.message import N_, Message

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
_SYSTEM = {
    errno.ENOENT: N_("No such file or directory"),
    errno.EACCES: N_("Permission denied"),
    errno.EPERM: N_("Operation not permitted"),
    errno.EISDIR: N_("Is a directory"),
    errno.ENOTDIR: N_("Not a directory"),
    errno.EEXIST: N_("File exists"),
    errno.ENOSPC: N_("No space left on device"),
    errno.EDQUOT: N_("Disk quota exceeded"),
    errno.EROFS: N_("Read-only file system"),
    errno.EIO: N_("Input/output error"),
}
"""Texts of strerror(3)."""


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


def os_reason(error: OSError) -> Message | str:
    """Return why the system rejected an operation; its own text if the error is uncommon."""
    return Message("", _SYSTEM[error.errno]) if error.errno in _SYSTEM else error.strerror or str(error)
