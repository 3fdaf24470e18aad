"""Wrapped lines: Chinese fills them, and no mark is at the wrong end of one."""

import io
from itertools import pairwise

import pytest
import rich.text
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from inferfleet.cli.output.line_breaks import divide_line, use_line_breaks


def lines(text: str, width: int) -> list[str]:
    bounds = [0, *divide_line(text, width), len(text)]
    return [text[start:end].rstrip() for start, end in pairwise(bounds)]


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("gather facts of nodes", 12, ["gather facts", "of nodes"]),
        ("集群：inventories/下的目录", 18, ["集群：inventories/", "下的目录"]),
        ("集群：inventories/下的目录", 20, ["集群：inventories/下", "的目录"]),
        ("不做任何更改。", 12, ["不做任何更", "改。"]),
        ("见（注意）此处", 4, ["见", "（注", "意）", "此处"]),
        ("--pp,--pipeline-parallel-size", 26, ["--pp,", "--pipeline-parallel-size"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("abcdef。", 6, ["abcde", "f。"]),
    ],
)
def test_lines_end_at_words_and_characters(text: str, width: int, expected: list[str]) -> None:
    assert lines(text, width) == expected


@given(st.text("ab ,，。（）节点“”", max_size=60), st.integers(4, 30))
def test_lines_have_all_text_and_fit(text: str, width: int) -> None:
    assert "".join(lines(text, width)).replace(" ", "") == text.replace(" ", "")
    # Marks may be wider than the narrowest line: nothing else is.
    unbreakable = {"（", "，", "。", "）", "“", "”"}
    assert all(cell_len(line) <= width or unbreakable & set(line) for line in lines(text, width))


def test_rich_uses_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rich.text, "divide_line", None)
    use_line_breaks()
    output = io.StringIO()
    Console(width=12, file=output).print("不做任何更改。")
    assert output.getvalue().split() == ["不做任何更", "改。"]
