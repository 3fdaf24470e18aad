"""Conditions and sentences of the catalog: Jinja's, over state that may lack anything."""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import ChainableUndefined, Template, UndefinedError
from jinja2.environment import TemplateExpression
from jinja2.sandbox import ImmutableSandboxedEnvironment

from inferfleet.doctor.evidence import unix_time


def _gib(value: Any) -> str:
    """Return bytes as people read them."""
    return f"{float(value) / (1 << 30):.1f} GiB" if isinstance(value, int | float) else "?"


def _clock(value: Any) -> str:
    """Return a time of Docker's API as `YYYY-MM-DD HH:MM:SS`."""
    at = unix_time(value)
    return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M:%S") if at is not None else "?"


_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=ChainableUndefined, trim_blocks=True)
_ENVIRONMENT.tests["containing"] = lambda value, text: text in str(value)
_ENVIRONMENT.tests["matching"] = lambda value, pattern: re.search(pattern, str(value)) is not None
_ENVIRONMENT.filters |= {"gib": _gib, "clock": _clock, "unix_time": lambda text: unix_time(text) or 0.0}


@cache
def _expression(text: str) -> TemplateExpression:
    return _ENVIRONMENT.compile_expression(text)


@cache
def _template(text: str) -> Template:
    return _ENVIRONMENT.from_string(text)


def check(text: str) -> None:
    """Raise jinja2.TemplateSyntaxError where an expression cannot be read."""
    _expression(text)


def holds(expression: str, facts: Mapping[str, Any]) -> bool:
    """Return whether a condition holds; one over facts of another form than it expects does not."""
    try:
        return bool(_expression(expression)(**facts))
    except (UndefinedError, TypeError, ValueError, ArithmeticError, LookupError):
        return False


def render(template: str, facts: Mapping[str, Any]) -> str:
    """Return a sentence; a plain one where the facts lack what it speaks of."""
    try:
        return " ".join(_template(template).render(**facts).split())
    except UndefinedError:
        return "the state says so"
