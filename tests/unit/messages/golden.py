"""Golden files with the wording of an area, one per language, and forbidden characters in Chinese."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from inferfleet.messages import Message, Problem, use_language

FOLDER = Path(__file__).parents[2] / "golden"
LANGUAGES = ("en", "zh")
# Words that no language changes: code, paths, names with digits, and what stands in quotes.
NAMES = re.compile(r"`[^`]*`|'[^']*'|[\w.-]*[/_=\d][\w./:=+-]*")
CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def in_languages(texts: Iterable[Message | Problem]) -> dict[str, list[str]]:
    """Return the texts in each language, in the order of their English."""
    ordered = sorted(texts, key=english)
    written = {}
    for language in LANGUAGES:
        use_language(language)
        written[language] = [str(text) for text in ordered]
    use_language("en")
    return written


def english(text: Message | Problem) -> str:
    """Return the English text, whatever the language of the process."""
    form = text.as_dict()
    return f"{form['message']} {form.get('remedy', '')}"


def compare(area: str, language: str, lines: Sequence[str]) -> None:
    """Compare the texts with the golden file; with UPDATE_GOLDEN set, write the file first."""
    file, written = FOLDER / f"{area}.{language}.txt", "\n".join(lines) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(written)
    assert written == file.read_text()


def english_sentences(lines: Iterable[str]) -> list[str]:
    """Return the lines that hold four English words in a row."""
    return [line for line in lines if re.search(r"(?:\b[A-Za-z]+\b[ ,;:]*){4}", NAMES.sub("0", line))]


def without_chinese(lines: Iterable[str]) -> list[str]:
    """Return the lines that hold no Chinese letter."""
    return [line for line in lines if not re.search("[\u4e00-\u9fff]", line)]


def without_code(texts: Iterable[Message | Problem]) -> list[str]:
    """Return the texts whose code is missing or not written in kebab-case."""
    return [str(text) for text in texts if not CODE.fullmatch(text.code)]


def templates_of(text: Any) -> Iterator[str]:
    """Yield every template of a text, those of the messages among its parameters too."""
    if isinstance(text, Message | Problem):
        yield text.template
        yield from [text.remedy_template] if isinstance(text, Problem) else []
        yield from templates_of(list(text.parameters.values()))
    elif isinstance(text, list | tuple):
        for item in text:
            yield from templates_of(item)
