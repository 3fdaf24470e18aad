"""A message: an English template with parameters, rendered in the user's language."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from inferfleet.messages.language import current_language
from inferfleet.messages.translations import gettext

_SEPARATORS = {"en": ", ", "zh": "、"}
"""List separators, by language."""
_FORM = ("code", "template", "parameters")
"""Keys of a message's JSON form."""
_BETWEEN_HAN = re.compile("(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])")


def N_(template: str) -> str:  # noqa: N802 (gettext's own name for this marker)
    """Return `template` unchanged: marks a literal for extraction by Babel; it is translated when rendered."""
    return template


@dataclass(frozen=True, slots=True, init=False)
class Message:
    """A template with `{names}` and the values for them; `code` is stable, `kebab-case`, and may be empty for a phrase.

    A value is a string, a number, a bool, None, a message of its own (rendered in the same language), or a list of
    these (rendered with the language's separator). Without parameters the template is literal text, braces included.
    """

    code: str
    template: str
    parameters: Mapping[str, Any] = field(hash=False)

    def __init__(self, code: str, template: str, /, **parameters: Any) -> None:
        object.__setattr__(self, "code", code)
        object.__setattr__(self, "template", template)
        object.__setattr__(self, "parameters", parameters)

    def __str__(self) -> str:
        return self.render()

    def render(self, language: str = "") -> str:
        """Return the text in `language` (`en` or `zh`); empty: the language of the process."""
        return render(self.template, self.parameters, language or current_language())

    def with_parameters(self, **parameters: Any) -> Self:
        """Return the message with additional or replaced parameters."""
        return type(self)(self.code, self.template, **{**self.parameters, **parameters})

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form: `code`, `template`, `parameters`, and `message`, the English text."""
        return {
            "code": self.code,
            "message": self.render("en"),
            "template": self.template,
            "parameters": plain(self.parameters),
        }

    @classmethod
    def from_dict(cls, form: Mapping[str, Any]) -> Self:
        """Return the message of a JSON form, as `as_dict` returns it."""
        template = str(form.get("template") or form.get("message", ""))
        return cls(str(form.get("code", "")), template, **revive(form.get("parameters") or {}))


def literal(text: str) -> Message:
    """Return the message of a literal text, translated if a translation exists."""
    return Message("", text)


def render(template: str, parameters: Mapping[str, Any], language: str) -> str:
    """Return `template` translated to `language`, with its parameters filled in."""
    text = gettext(template, language)
    if not parameters:
        return text
    filled = text.format_map({name: _shown(value, language) for name, value in parameters.items()})
    # A template has a space next to a parameter that may be a Latin word.
    return _BETWEEN_HAN.sub("", filled) if language == "zh" else filled


def plain(value: Any) -> Any:
    """Return the JSON form of a parameter."""
    if isinstance(value, Message):
        return {key: plain(getattr(value, key)) for key in _FORM}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def revive(value: Any) -> Any:
    """Return a parameter from its JSON form, with its messages restored."""
    if isinstance(value, Mapping):
        revived = {str(key): revive(item) for key, item in value.items()}
        if set(_FORM) <= set(revived) <= {*_FORM, "message"}:
            return Message(revived["code"], revived["template"], **revived["parameters"])
        return revived
    return [revive(item) for item in value] if isinstance(value, list | tuple) else value


def _shown(value: Any, language: str) -> Any:
    if isinstance(value, Message):
        return value.render(language)
    if isinstance(value, list | tuple):
        return _SEPARATORS.get(language, ", ").join(str(_shown(item, language)) for item in value)
    return value
