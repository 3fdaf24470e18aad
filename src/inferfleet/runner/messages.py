"""Say in plain words what went wrong, from the result of an Ansible task."""

import re
from collections.abc import Mapping
from typing import Any

from inferfleet.messages import Problem

# Ansible 2.19 puts the layers an error came through in front of it.
_LAYERS = re.compile(r"^(?:(?:Task|Module|Action|Loop|Conditional)(?: \S+)? failed: )+", re.IGNORECASE)
_SSH = re.compile(r"^Failed to connect to the host via ssh: (?:ssh: )?", re.IGNORECASE)
_EMPTY = ("", "non-zero return code", "module failure", "one or more items failed")
_NO_INTERPRETER = "module result deserialization failed"


def plain_message(result: Mapping[str, Any]) -> str:
    """Return what a failed task says: its message, and the last line of its standard error.

    Of a loop the items that failed are named with their messages.
    """
    if "censored" in result:
        return "The output is hidden, because it may hold a secret."
    problems = [Problem.from_dict(form) for form in result.get("problems") or [] if isinstance(form, Mapping)]
    if problems:
        return "\n".join(map(str, problems))
    items = [item for item in result.get("results") or [] if _failed(item)]
    if items:
        return "\n".join(dict.fromkeys(_item_message(item) for item in items))
    message = _clean(result.get("msg"))
    last = _last_line(result)
    if message.lower().rstrip(".") in _EMPTY or message.lower().startswith(_NO_INTERPRETER):
        rc = result.get("rc")
        status = f"The command ended with status {rc}." if rc is not None else "The task failed."
        return f"{status[:-1]}: {last}" if last else status
    if last and last not in message:
        return f"{message}\n{last}"
    return message


def _failed(item: Any) -> bool:
    return isinstance(item, Mapping) and bool(item.get("failed") or item.get("unreachable"))


def _item_message(item: Mapping[str, Any]) -> str:
    label = item.get("_ansible_item_label", item.get("item"))
    message = plain_message(item)
    return f"{label}: {message}" if isinstance(label, str | int) and str(label) not in message else message


def _clean(message: Any) -> str:
    text = message if isinstance(message, str) else "" if message is None else str(message)
    return _SSH.sub("", _LAYERS.sub("", text.strip())).strip()


def _last_line(result: Mapping[str, Any]) -> str:
    for key in ("stderr", "module_stderr"):
        text = result.get(key)
        lines = [line.strip() for line in text.splitlines() if line.strip()] if isinstance(text, str) else []
        if lines:
            return lines[-1]
    return ""
