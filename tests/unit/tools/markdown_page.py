"""The structure of a Markdown page: what a translation has in common with its original."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from tools.headings import anchor_of

_HEADING = re.compile(r'^(#{1,6}) (?:<a id="([\w-]+)"></a>)?(.+)$')
_FRONT_MATTER = re.compile(r"\A---\n.*?^---\n", re.DOTALL | re.MULTILINE)
_FENCE = re.compile(r"^ *```")
_COMMENT = re.compile(r"(?:^|\s+)# .*$")
_SPAN = re.compile(r"(`+) ?(.+?) ?\1(?!`)", re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)|^\[[\w-]+\]: (\S+)$", re.MULTILINE)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass
class Section:
    """A heading and the text below it, without code blocks."""

    level: int
    title: str
    anchor: str
    text: str = ""
    code: list[str] = field(default_factory=list)
    """Lines of code blocks, without comments."""
    tables: list[list[int]] = field(default_factory=list)
    """The number of cells of each row, of each table."""

    def blocks(self) -> list[str]:
        """Return the kinds of blocks of the text in their order: paragraphs, tables and items of lists."""
        kinds: list[str] = []
        for block in re.split(r"\n{2,}", self.text.strip("\n")):
            items = re.findall(r"^ *(-|\d+\.) ", block, re.MULTILINE)
            kinds += ["table"] if block.startswith("|") else items or ["paragraph"] * bool(block)
        return kinds

    def code_spans(self) -> set[str]:
        return {" ".join(match[2].split()) for match in _SPAN.finditer(self.text)}

    def links(self) -> list[str]:
        return sorted(match[1] or match[2] for match in _LINK.finditer(_SPAN.sub("", self.text)))

    def numbers(self) -> set[str]:
        return set(_NUMBER.findall(_LINK.sub("", _SPAN.sub("", self.text))))


def read_page(path: Path) -> list[Section]:
    """Return the sections of a page; the first has the title of the page."""
    return parse_page(_FRONT_MATTER.sub("", path.read_text("utf-8")))


def parse_page(text: str) -> list[Section]:
    sections = [Section(0, "", "")]
    fenced = previous_blank = in_block = in_table = False
    for line in text.splitlines():
        current = sections[-1]
        fence = bool(_FENCE.match(line))
        fenced ^= fence
        in_block = not fenced and not fence and line.startswith("    ") and (previous_blank or in_block)
        previous_blank = not line.strip()
        if fence or fenced or in_block:
            current.code += [line.strip()] if fence else [kept] if (kept := _COMMENT.sub("", line).strip()) else []
            continue
        if heading := _HEADING.match(line):
            anchor = heading[2] or anchor_of(heading[3])
            sections.append(Section(len(heading[1]), heading[3], anchor))
            continue
        row = line.startswith("|")
        if row:
            current.tables += [[]] * (not in_table)
            cells = re.sub(r"`[^`]*`|\\\|", "", line).count("|") - 1
            current.tables[-1] = [*current.tables[-1], cells]
        in_table = row
        current.text += line + "\n"
    return [section for section in sections if section.level or section.text.strip() or section.code]


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings."""
    return {section.anchor for section in read_page(path)}
