"""The help of every command, in both languages: lines fit the terminal, frames are straight, nothing is cut off."""

import re

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

from inferfleet.cli.app import make_app
from inferfleet.cli.registry import Group, discover
from inferfleet.messages import use_language

CLOSING = tuple("，。、；：？！）》」』】")
CUT_OFF = re.compile("(?<!,)(?<!, )…")


def names() -> list[str]:
    commands = [[item, *(item.commands if isinstance(item, Group) else ())] for item in discover()]
    return ["", *(command.name for group in commands for command in group)]


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_help_fits_the_terminal(language: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    app, runner = make_app(), CliRunner()
    for name in names():
        result = runner.invoke(app, ["--lang", language, *name.split(), "--help"])
        assert result.exit_code == 0, name
        lines = result.stdout.splitlines()
        framed = [line for line in lines if line.startswith(("│", "╭", "╰"))]
        assert framed, name
        assert [line for line in lines if cell_len(line) > columns or CUT_OFF.search(line)] == [], name
        assert [line for line in framed if cell_len(line) != columns or line[-1] not in "│╮╯"] == [], name
        assert [line for line in lines if line.strip("│ ").startswith(CLOSING)] == [], name
    use_language("en")
