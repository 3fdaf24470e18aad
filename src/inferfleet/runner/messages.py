"""The failure message of a task, from its result."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from inferfleet.messages import N_, Message, Problem, literal

# Ansible 2.19 prefixes an error with the layers that it passed through.
_LAYERS = re.compile(r"^(?:(?:Task|Module|Action|Loop|Conditional)(?: \S+)? failed: )+", re.IGNORECASE)
_SSH = re.compile(r"^Failed to connect to the host via ssh: (?:ssh: )?", re.IGNORECASE)
_EMPTY = ("", "non-zero return code", "module failure", "one or more items failed")
_NO_INTERPRETER = "module result deserialization failed"


def plain_message(result: Mapping[str, Any]) -> Message:
    """Return why a task failed: its message, and the last line of its standard error.

    For a loop, the message lists the failed items. `problems` in the result take precedence.
    """
    if "censored" in result:
        return Message("", N_("The output is hidden because it may contain a secret."))
    given = result.get("problems") or []
    problems = [_text(item) for item in given if isinstance(item, Mapping) and "message" in item]
    if problems:
        return _lines(problems)
    items = [item for item in result.get("results") or [] if _failed(item)]
    if items:
        return _lines(list(dict.fromkeys(_item_message(item) for item in items)))
    message = _clean(result.get("msg"))
    last = _last_line(result)
    if message.lower().rstrip(".") in _EMPTY or message.lower().startswith(_NO_INTERPRETER):
        return _status(result.get("rc"), last)
    if last and last not in message:
        return _lines([literal(message), literal(last)])
    return literal(message)


def has_remedy(result: Mapping[str, Any]) -> bool:
    """Return whether a problem of a failed task, or of one of its items, has a remedy."""
    problems = [item for item in result.get("problems") or [] if isinstance(item, Mapping)]
    items = [item for item in result.get("results") or [] if _failed(item)]
    return any(problem.get("remedy") for problem in problems) or any(has_remedy(item) for item in items)


def _status(rc: Any, last: str) -> Message:
    if rc is None:
        failed = N_("The task failed: {line}"), N_("The task failed.")
    else:
        failed = N_("The command exited with status {rc}: {line}"), N_("The command exited with status {rc}.")
    return Message("", failed[0] if last else failed[1], rc=rc, line=last)


def _lines(messages: Sequence[Message]) -> Message:
    first, *rest = messages
    return Message("", "{first}\n{rest}", first=first, rest=_lines(rest)) if rest else first


def _text(problem: Mapping[str, Any]) -> Message:
    form = Problem.from_dict(problem)
    message = Message("", form.template, **form.parameters)
    remedy = Message("", form.remedy_template, **form.parameters)
    return Message("", "{message} {remedy}", message=message, remedy=remedy) if form.remedy_template else message


def _failed(item: Any) -> bool:
    return isinstance(item, Mapping) and bool(item.get("failed") or item.get("unreachable"))


def _item_message(item: Mapping[str, Any]) -> Message:
    label = item.get("_ansible_item_label", item.get("item"))
    message = plain_message(item)
    if isinstance(label, str | int) and str(label) not in message.render("en"):
        return Message("", "{item}: {message}", item=label, message=message)
    return message


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
