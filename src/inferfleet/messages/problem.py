"""A problem with its remedy: the common form of errors of inventory checks, planner and commands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from inferfleet.messages.language import current_language
from inferfleet.messages.message import Message, plain, render, revive


@dataclass(frozen=True, slots=True, init=False)
class Problem:
    """One problem: what is wrong (with the variable or host and its value) and what to do.

    `code` is stable and machine-readable (`kebab-case`). `template` and `remedy_template` are English with `{names}`
    of `parameters`; the remedy is one imperative sentence.
    """

    code: str
    template: str
    remedy_template: str
    parameters: Mapping[str, Any] = field(hash=False)

    def __init__(self, code: str, template: str, remedy: str, /, **parameters: Any) -> None:
        object.__setattr__(self, "code", code)
        object.__setattr__(self, "template", template)
        object.__setattr__(self, "remedy_template", remedy)
        object.__setattr__(self, "parameters", parameters)

    @property
    def message(self) -> str:
        """What is wrong, in the language of the process."""
        return render(self.template, self.parameters, current_language())

    @property
    def remedy(self) -> str:
        """What to do about it, in the language of the process."""
        return render(self.remedy_template, self.parameters, current_language())

    def __str__(self) -> str:
        between = " " if current_language() == "en" else ""
        return f"{self.message}{between}{self.remedy}".rstrip()

    def with_parameters(self, **parameters: Any) -> "Problem":
        """Return the problem with additional or replaced parameters."""
        return Problem(self.code, self.template, self.remedy_template, **{**self.parameters, **parameters})

    def of(self, template: str, /, **parameters: Any) -> "Problem":
        """Return the problem wrapped in `template`, in which `{problem}` is its message."""
        own = Message(self.code, self.template, **self.parameters)
        remedy = Message("", self.remedy_template, **self.parameters)
        return Problem(self.code, template, "{remedy}", problem=own, remedy=remedy, **parameters)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form; `message` and `remedy` are the English texts of the two templates."""
        return {
            "code": self.code,
            "message": render(self.template, self.parameters, "en"),
            "remedy": render(self.remedy_template, self.parameters, "en"),
            "template": self.template,
            "remedy_template": self.remedy_template,
            "parameters": plain(self.parameters),
        }

    @classmethod
    def from_dict(cls, form: Mapping[str, Any]) -> Self:
        """Return the problem from its JSON form; literal text if only `message` and `remedy` are given."""
        return cls(
            str(form.get("code", "")),
            str(form.get("template") or form.get("message", "")),
            str(form.get("remedy_template") or form.get("remedy", "")),
            **revive(form.get("parameters") or {}),
        )
