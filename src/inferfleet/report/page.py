"""The report as HTML: nothing is loaded from elsewhere, and both languages are in it."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from inferfleet.messages import Message
from inferfleet.messages.message import revive
from inferfleet.report.chinese import in_chinese
from inferfleet.report.content import Content

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
    environment.globals["t"] = say
    environment.filters |= {
        "told": tell,
        "gib": lambda value: f"{float(value or 0) / 2**30:,.0f}",
        "number": _number,
        "day": _day,
    }
    template = environment.get_template("page.html.j2")
    css = Markup((_FOLDER / "page.css").read_text("utf-8"))
    return template.render(content=content, css=css)


def say(key: str, **values: Any) -> Markup:
    """Return a text of words.yml in both languages, of which the page shows one."""
    told = {name: escape(value) for name, value in values.items()}
    return _both({language: _marked(text).format(**told) for language, text in words()[key].items()})


def tell(sentence: str | Message | Mapping[str, Any]) -> Markup:
    """Return a sentence of another part in both languages; only in English, and marked so, without a Chinese one.

    A problem or a message may come in its JSON form.
    """
    if isinstance(sentence, Message):
        sentence = sentence.as_dict()
    if isinstance(sentence, Mapping):
        values = revive(sentence.get("parameters") or {})
        parts = [Message("", sentence[key], **values) for key in ("template", "remedy_template") if sentence.get(key)]
        return _both(
            {
                language: " ".join(_marked(str(escape(part.render(language)))) for part in parts)
                for language in ("en", "zh")
            }
        )
    english, chinese = _marked(str(escape(sentence))), in_chinese(sentence)
    if chinese is None:
        return Markup(f'<bdi lang="en">{english}</bdi>')
    return _both({"en": english, "zh": _marked(str(escape(chinese)))})


def _marked(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", text)


def _both(texts: dict[str, str]) -> Markup:
    return Markup("".join(f'<span lang="{language}">{text}</span>' for language, text in texts.items()))


@cache
def words() -> dict[str, dict[str, str]]:
    """Return every text of the page: key → language → text."""
    found: dict[str, dict[str, str]] = yaml.safe_load((_FOLDER / "words.yml").read_text("utf-8"))
    return found


def _number(value: Any) -> str:
    """Return three significant digits, thousands divided."""
    number = float(value)
    if number >= 100 or number == int(number):
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def _day(when: Any) -> str:
    """Return a time as the page shows it: to the minute, in UTC."""
    return str(when)[:16].replace("T", " ") + " UTC" if when else ""
