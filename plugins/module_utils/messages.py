"""Messages as data: an English template and its parameters, which the controller translates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

FORM = ("code", "template", "parameters")
"""Keys of a message's JSON form, as src/inferfleet/messages reads it."""


def N_(template: str) -> str:  # noqa: N802 (gettext's own name for this marker)
    """Return `template` unchanged: marks a literal that tools/translations.py extracts."""
    return template


class Message:
    """A template with `{names}` and the values for them; `code` is stable, and may be empty for a phrase.

    A value is a string, a number, a message of its own, or a list of these.
    """

    def __init__(self, code: str, template: str, /, **parameters: Any) -> None:
        self.code, self.template, self.parameters = code, template, parameters

    def __str__(self) -> str:
        """Return the English text."""
        if not self.parameters:
            return self.template
        return self.template.format_map({name: _shown(value) for name, value in self.parameters.items()})

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form, with the English text as `message`."""
        return {"message": str(self), **_plain(self)}

    @classmethod
    def from_dict(cls, form: Mapping[str, Any]) -> Message:
        """Return the message of a JSON form, as `as_dict` returns it."""
        parameters = {name: _revived(value) for name, value in form["parameters"].items()}
        return cls(form["code"], form["template"], **parameters)


def os_reason(error: object) -> Message:
    """Return why the system rejected an operation: the text of strerror(3), which the controller translates."""
    return literal(getattr(error, "strerror", None) or str(error))


def literal(text: str) -> Message:
    """Return the message of a literal text, translated if a translation exists."""
    return Message("", text)


def joined(messages: Sequence[Message]) -> Message:
    """Return one or more messages as one, separated by semicolons."""
    first, *rest = messages
    return Message("", N_("{first}; {rest}"), first=first, rest=joined(rest)) if rest else first


def failure(message: Message) -> dict[str, Any]:
    """Return the result of a failed task: `msg` and `problems`."""
    return {"msg": str(message), "problems": [message.as_dict()]}


def progress(message: Message, ready: bool, problem: Message | None = None) -> dict[str, Any]:
    """Return the result of a waiting task: `msg`, `progress` and, until it is `ready`, `problems`.

    `problem` is why the task fails if it waits no longer; None: the message itself.
    """
    text = {"progress": {"text": message.as_dict()}}
    why = failure(problem or message)
    return {**why, **text, "problems": []} if ready else {**why, **text}


def _shown(value: Any) -> Any:
    return ", ".join(str(_shown(item)) for item in value) if isinstance(value, list) else value


def _revived(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == set(FORM):
        return Message.from_dict(value)
    return [_revived(item) for item in value] if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    if isinstance(value, Message):
        return {key: _plain(getattr(value, key)) for key in FORM}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
