"""The commands that README, CONTRIBUTING and the pages of docs/ show."""

import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/en/**/*.md"), *ROOT.glob("docs/zh/**/*.md")])
PAGES.remove(ROOT / "CHANGELOG.md")  # describes earlier versions too

_FENCE = re.compile(r"^ *```(?P<kind>[\w-]*)[^\n]*\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^(?: {4}|\t).*\n|^\n(?= {4}))+", re.MULTILINE)
_INLINE = re.compile(r"(?<!`)`(?P<text>[^`\n]+)`(?!`)")
_PROGRAMS = ("inferfleet", "ansible-playbook")
_END = ("|", "||", "&&", ";", ">", "<", "\\")
_INVENTORY = {"all", "gateway", "monitoring", "webui", "ray_head", "ray_worker", "plugin"}  # keys of inventories
# Not commands but what runs print, and the names of the programs alone.
_PROSE = re.compile(r"^(?:\[|inferfleet \d|inferfleet-)")


@dataclass(frozen=True)
class Shown:
    """A command of a page: its words, and whether it is in a block to paste or within a sentence."""

    page: Path
    words: tuple[str, ...]
    block: bool

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}: {shlex.join(self.words)}"


def commands(page: Path) -> list[Shown]:
    """Return the commands of `inferfleet` and `ansible-playbook` that a page shows."""
    return list(_commands(page, page.read_text("utf-8")))


def _commands(page: Path, text: str) -> Iterator[Shown]:
    for kind, block in _blocks(text):
        if kind in ("", "sh", "bash", "console", "text"):
            for line in re.sub(r"\\\n\s*", " ", block).splitlines():
                yield from (Shown(page, words, block=True) for words in split(line))
    for inline in _INLINE.finditer(_without_blocks(text)):
        yield from (Shown(page, words, block=False) for words in split(inline["text"]))


def settings(page: Path) -> list[dict[str, Any]]:
    """Return the settings in the blocks of YAML of a page; other YAML, such as hosts.yml, has keys of its own."""
    found = []
    for kind, block in _blocks(page.read_text("utf-8")):
        if kind not in ("", "yaml"):
            continue
        try:
            values = yaml.safe_load(textwrap.dedent(block))
        except yaml.YAMLError:
            continue
        if isinstance(values, dict) and all(re.fullmatch("[a-z_0-9]+", str(key)) for key in values):
            found += [values] if not _INVENTORY & values.keys() else []
    return found


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    for fence in _FENCE.finditer(text):
        yield fence["kind"], fence["text"]
    for indented in _INDENTED.finditer(_FENCE.sub("", text)):
        yield "", indented[0]


def _without_blocks(text: str) -> str:
    return _INDENTED.sub("", _FENCE.sub("", text))


def split(line: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of each command of the two programs in a line of shell."""
    line = line.strip().removeprefix("$ ")
    if not any(program in line for program in _PROGRAMS) or _PROSE.match(line):
        return
    try:
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
        lexer.whitespace_split, lexer.commenters = True, "#"
        words = list(lexer)
    except ValueError:  # a quote of a sentence
        return
    current: list[str] = []
    for word, following in pairwise([*words, ";", ";"]):
        if word in _END:
            start = next((i for i, known in enumerate(current) if Path(known).name in _PROGRAMS), None)
            # Before the program may be assignments and programs that run it, but no sentence.
            before = current[:start] if start is not None else ["no program"]
            rest = _complete(current[len(before) + 1 :])
            if rest and all("=" in part or part == "sudo" for part in before):
                yield (Path(current[len(before)]).name, *rest)
            current = []
        elif not (word.isdigit() and following.startswith(">")):  # 2> FILE
            current.append(word)


def _complete(words: list[str]) -> list[str]:
    """Return the words without the brackets of optional ones, up to the first that is left out (`…`)."""
    shown = [word.removeprefix("[").removesuffix("]") if not word.startswith("[{") else word for word in words]
    if "…" not in shown:
        return shown
    kept = shown[: shown.index("…")]
    return kept[:-1] if kept and kept[-1].startswith("-") else kept
