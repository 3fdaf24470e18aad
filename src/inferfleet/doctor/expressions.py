"""Conditions and values of the catalog: Jinja expressions over possibly incomplete state."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache, reduce
from typing import Any

from jinja2 import ChainableUndefined, UndefinedError
from jinja2.environment import TemplateExpression
from jinja2.sandbox import ImmutableSandboxedEnvironment

from inferfleet.doctor.evidence import unix_time
from inferfleet.doctor.symptom import Sentence
from inferfleet.messages import N_, Message
from inferfleet.messages.message import revive

_ERRORS = (UndefinedError, TypeError, ValueError, ArithmeticError, LookupError)
"""Exceptions of an expression whose facts have an unexpected form."""


def _gib(value: Any) -> str:
    """Return bytes in GiB."""
    return f"{float(value) / (1 << 30):.1f} GiB" if isinstance(value, int | float) else "?"


def _clock(value: Any) -> str:
    """Return a timestamp of Docker's API as `YYYY-MM-DD HH:MM:SS`."""
    at = unix_time(value)
    return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M:%S") if at is not None else "?"


def _started(container: Mapping[str, Any]) -> str:
    """Return the name and start time of a container."""
    return f"{container['name']} {_clock(container['started_at'])}"


def _unstable(containers: Iterable[Mapping[str, Any]], seconds: float, collected: float) -> list[Mapping[str, Any]]:
    """Return the containers that do not run, or have run for less than `seconds` when the state was `collected`."""
    return [
        container
        for container in containers
        if not container["running"] or collected - (unix_time(container["started_at"]) or 0.0) < seconds
    ]


_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=ChainableUndefined)
_ENVIRONMENT.tests["containing"] = lambda value, text: text in str(value)
_ENVIRONMENT.tests["matching"] = lambda value, pattern: re.search(pattern, str(value)) is not None
_ENVIRONMENT.filters |= {
    "gib": _gib,
    "clock": _clock,
    "started": _started,
    "unstable": _unstable,
    "unix_time": lambda text: unix_time(text) or 0.0,
}


@cache
def _expression(text: str) -> TemplateExpression:
    return _ENVIRONMENT.compile_expression(text)


def check(text: str) -> None:
    """Raise jinja2.TemplateSyntaxError if an expression is invalid."""
    _expression(text)


def holds(expression: str, facts: Mapping[str, Any]) -> bool:
    """Return whether a condition holds; False if the facts have an unexpected form."""
    try:
        return bool(_expression(expression)(**facts))
    except _ERRORS:
        return False


def render(sentences: Iterable[Sentence], facts: Mapping[str, Any]) -> Message:
    """Return the message of the evidence; a generic one if facts are missing."""
    messages = [message for sentence in sentences for message in _messages(sentence, facts)]
    return reduce(_joined, messages or [Message("", N_("Detected in the node state."))])


def _joined(first: Message, second: Message) -> Message:
    return Message("", "{first} {second}", first=first, second=second)


def _messages(sentence: Sentence, facts: Mapping[str, Any]) -> Iterator[Message]:
    if sentence.when and not holds(sentence.when, facts):
        return
    try:
        scopes = (
            [{**facts, "item": item} for item in _expression(sentence.each)(**facts) or ()]
            if sentence.each
            else [facts]
        )
    except _ERRORS:
        return
    for scope in scopes:
        yield Message("", sentence.template, **{key: _value(text, scope) for key, text in sentence.parameters.items()})


def _value(expression: str, facts: Mapping[str, Any]) -> Any:
    try:
        value = _expression(expression)(**facts)
    except _ERRORS:
        return "?"
    return "?" if value is None else revive(value)
