"""Tables in a pipe: lines are neither wrapped nor padded, so that `grep` finds complete ones."""

import pytest
from rich.table import Table

from inferfleet.cli.output.console import make_console

LONG = "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B " * 10


def table() -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("Node", "Text"):
        table.add_column(title, overflow="fold")
    table.add_row("node1", LONG)
    table.add_row("node2", "")
    return table


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COLUMNS", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("stderr", [False, True])
def test_lines_are_complete_and_have_no_padding(stderr: bool, capsys: pytest.CaptureFixture[str]) -> None:
    make_console(stderr=stderr).print(table())
    output = capsys.readouterr()
    assert (output.err if stderr else output.out).splitlines() == ["Node   Text", f"node1  {LONG.rstrip()}", "node2"]


def test_columns_sets_the_width(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    make_console().print(table())
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 3
    assert max(map(len, lines)) <= 60
