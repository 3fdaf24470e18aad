"""Line breaks of wrapped text: rich breaks at spaces only, which Chinese does not have.

A line may end after any Chinese character, except that no closing mark starts a line and no opening one ends it
(https://www.w3.org/TR/clreq/).
"""

import re
from collections.abc import Iterator

import rich.text
from rich.cells import cell_len, chop_cells

_WIDE = r"\u2e80-\u2fff\u3003-\u3007\u3021-\u9fff\uf900-\ufaff\uff10-\uff19\uff21-\uff3a\uff41-\uff5a"
_OPENING = "（［｛《〈「『【〖“‘"
_CLOSING = "，。、；：？！）］｝》〉」』】〗”’…"
_UNIT = re.compile(
    rf"\s*(?:[{_OPENING}]*(?:[{_WIDE}]|[^\s{_WIDE}{_OPENING}{_CLOSING}]+)[{_CLOSING}]*|[{_OPENING}{_CLOSING}]+)\s*"
)
_PART = re.compile("[^,]*,|[^,]+")


def use_line_breaks() -> None:
    """Let rich, and typer's help, break lines as this module does."""
    rich.text.divide_line = divide_line  # type: ignore[attr-defined]


def divide_line(text: str, width: int, fold: bool = True) -> list[int]:
    """Return the positions in `text` at which new lines start; `width` is in cells.

    What is wider than a line is divided after a comma, or else anywhere, if `fold`.
    """
    breaks: list[int] = []
    used = 0
    for start, unit, size in _units(text, width if fold else 0):
        if used and used + size > width:
            breaks.append(start)
            used = 0
        used += cell_len(unit)
    return breaks


def _units(text: str, width: int) -> Iterator[tuple[int, str, int]]:
    """Yield the start, the text and the width without spaces at its end of each part that stays on one line."""
    for match in _UNIT.finditer(text):
        start, unit = match.start(), match[0]
        wide = width and cell_len(unit.rstrip()) > width
        parts = [piece for part in _PART.findall(unit) for piece in _chopped(part, width)] if wide else [unit]
        for part in parts:
            yield start, part, cell_len(part.rstrip())
            start += len(part)


def _chopped(part: str, width: int) -> list[str]:
    if cell_len(part.rstrip()) <= width:
        return [part]
    *pieces, last = chop_cells(part, width)
    if pieces and not last.strip(_CLOSING + " "):  # no line has marks only
        pieces[-1], last = pieces[-1][:-1], pieces[-1][-1] + last
    return [*pieces, last]
