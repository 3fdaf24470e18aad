"""From an English sentence of another part to the Chinese one.

What nodes and roles report as finished English text. The files of sentences/ hold a template
of each such sentence, `en` and `zh`, with `{fields}`: a text that is `en` as a whole is said as `zh` is, with the same
values. A field has a kind after a colon:

    {x}           any text, taken over as it is
    {x:number}    digits, signs and points
    {x:word}      text without spaces
    {x:phrase}    a part that phrases.yml knows
    {x:list}      names, or parts that items.yml knows, with commas between them
    {x:sentence}  a sentence of its own, which holds no other
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter

import yaml

FOLDER = Path(__file__).with_name("sentences")
PARTS = ("phrases", "items")
"""Files that hold no whole sentences."""
_PATTERNS = {"number": r"[-+\d.,]+", "word": r"\S+"}
_WIDE = r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]"  # Chinese letters and marks
_GAP = re.compile(f"(?<={_WIDE}) (?={_WIDE})|(?<=[\u3000-\u303f\uff00-\uffef]) | (?=[\u3000-\u303f\uff00-\uffef])")
"""A space where Latin letters could stand beside Chinese ones, and Chinese stands on both sides."""


@dataclass(frozen=True)
class Template:
    """A text in both languages; `kinds` maps its fields to their kinds, in the order of the English one."""

    english: str
    chinese: str
    kinds: dict[str, str]
    pattern: re.Pattern[str]
    literals: int
    """Length of what is not a field: of two templates that fit, the one with more is meant."""

    @property
    def introduces(self) -> bool:
        """Whether it holds a whole sentence."""
        return "sentence" in self.kinds.values()

    @property
    def order(self) -> tuple[bool, int]:
        """When it is tried: what stands before a whole sentence comes first, since fields would swallow it."""
        return not self.introduces, -self.literals

    def say(self, english: str) -> str | None:
        """Return the Chinese of a text that is this one; None for another, or one with an unknown part."""
        found = self.pattern.fullmatch(english)
        if found is None:
            return None
        said: dict[str, str] = {}
        for name, kind in self.kinds.items():
            part = _KINDS[kind](found[name])
            if part is None:
                return None
            said[name] = part
        return _GAP.sub("", self.chinese.format_map(said))


def in_chinese(sentence: str) -> str | None:
    """Return an English sentence in Chinese; None where no template is of this sentence."""
    return _say(sentence, _sentences())


def read_template(english: str, chinese: str) -> Template:
    """Return the template of a text.

    Raises:
        KeyError: a field is of a kind that there is not.
    """
    kinds: dict[str, str] = {}
    pattern, literals = "", 0
    for text, name, kind, _ in Formatter().parse(english):
        pattern += re.escape(text)
        literals += len(text)
        if name in kinds:
            pattern += f"(?P={name})"
        elif name is not None:
            _KINDS[kind or ""]
            kinds[name] = kind or ""
            pattern += f"(?P<{name}>{_PATTERNS.get(kinds[name], '.+?')})"
    return Template(english, chinese, kinds, re.compile(pattern, re.DOTALL), literals)


@cache
def templates(file: str) -> list[Template]:
    """Return the templates of a file of sentences/, named without its ending, in the order of trying."""
    entries = yaml.safe_load((FOLDER / f"{file}.yml").read_text("utf-8"))
    return sorted((read_template(entry["en"], entry["zh"]) for entry in entries), key=lambda found: found.order)


@cache
def _sentences() -> list[Template]:
    files = sorted(file.stem for file in FOLDER.glob("*.yml") if file.stem not in PARTS)
    return sorted((found for file in files for found in templates(file)), key=lambda found: found.order)


def _say(text: str, known: list[Template]) -> str | None:
    return next((said for template in known if (said := template.say(text)) is not None), None)


def _list(text: str) -> str:
    return "、".join(_say(item, templates("items")) or item for item in text.split(", "))


_KINDS: dict[str, Callable[[str], str | None]] = {
    "": str,
    "number": str,
    "word": str,
    "phrase": lambda text: _say(text, templates("phrases")),
    "list": _list,
    "sentence": lambda text: _say(text, [known for known in _sentences() if not known.introduces]),
}
