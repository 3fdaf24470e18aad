"""The report as a self-contained HTML page in both languages."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from inferfleet.messages import Message, Problem, gettext
from inferfleet.messages.language import LANGUAGES
from inferfleet.report.content import Content
from inferfleet.report.docker import status_message
from inferfleet.report.labels import LABELS

_FOLDER = Path(__file__).parent
_CODE = re.compile("`([^`]+)`")


def render(content: Content) -> str:
    """Return the page."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["t"] = label
    environment.filters |= {
        "both_languages": text,
        "status": lambda status: text(status_message(status)),
        "gib": lambda value: f"{float(value or 0) / 2**30:,.0f}",
        "number": _number,
        "day": _day,
    }
    template = environment.get_template("page.html.j2")
    css = Markup((_FOLDER / "page.css").read_text("utf-8"))
    return template.render(content=content, css=css)


def label(key: str, **values: Any) -> Markup:
    """Return a label in both languages; the page shows one."""
    shown = {name: escape(value) for name, value in values.items()}
    return _both({language: _marked(gettext(LABELS[key], language)).format(**shown) for language in LANGUAGES})


def text(given: str | Message | Mapping[str, Any]) -> Markup:
    """Return a text in both languages: a message, a message or problem in its JSON form, or a string.

    A string (results of earlier versions) without a translation is marked as English.
    """
    messages = [Message("", given)] if isinstance(given, str) else _messages(given)
    both = {language: _shown(messages, language) for language in LANGUAGES}
    if isinstance(given, str) and len(set(both.values())) == 1:
        return Markup(f'<bdi lang="en">{both["en"]}</bdi>')
    return _both(both)


def _messages(given: Message | Mapping[str, Any]) -> list[Message]:
    """Return the message, or the message and the remedy of a problem."""
    if isinstance(given, Message):
        return [given]
    problem = Problem.from_dict(given)
    templates = [template for template in (problem.template, problem.remedy_template) if template]
    return [Message("", template, **problem.parameters) for template in templates]


def _shown(messages: Sequence[Message], language: str) -> str:
    between = "" if language == "zh" else " "
    return between.join(_marked(str(escape(message.render(language)))) for message in messages)


def _marked(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", text)


def _both(texts: Mapping[str, str]) -> Markup:
    return Markup("".join(f'<span lang="{language}">{text}</span>' for language, text in texts.items()))


def _number(value: Any) -> str:
    """Return three significant digits with thousands separators."""
    number = float(value)
    if number >= 100 or number == int(number):
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def _day(when: Any) -> str:
    """Return a UTC time to the minute."""
    return str(when)[:16].replace("T", " ") + " UTC" if when else ""
