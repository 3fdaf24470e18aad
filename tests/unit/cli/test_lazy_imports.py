"""The command line imports what a command needs: the list of commands needs none of them."""

import subprocess
import sys
from pathlib import Path

import pytest

from inferfleet.cli.listing import SECTIONS, entries
from inferfleet.cli.registry import discover

HEAVY = (
    "pydantic",
    "jinja2",
    "cryptography",
    "ansible",
    "inferfleet.planner",
    "inferfleet.catalog",
    "inferfleet.doctor",
)
"""Packages that take tenths of a second."""
PROGRAM = """
import sys
from inferfleet.__main__ import main
try:
    main()
except SystemExit:
    sys.stderr.write("\\n".join(sys.modules))
"""


def imported(*arguments: str) -> set[str]:
    """Return the modules that a command line has imported at its end."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout
    return set(run.stderr.split())


@pytest.mark.parametrize("arguments", [("--help",), ("--lang", "zh", "--help"), ("--version",)])
def test_list_of_commands_imports_no_command(arguments: tuple[str, ...]) -> None:
    modules = imported(*arguments)
    assert "inferfleet.cli.app" in modules
    assert sorted(modules & set(HEAVY)) == []
    assert sorted(name for name in modules if name.startswith("inferfleet.cli.commands.")) == []


def test_command_imports_no_other_command() -> None:
    modules = imported("plan", "--help")
    assert [name for name in modules if name.startswith("inferfleet.cli.commands.")] == ["inferfleet.cli.commands.plan"]
    assert (
        sorted(name for name in modules if name.split(".")[:2] in (["inferfleet", "doctor"], ["inferfleet", "bench"]))
        == []
    )


def test_listed_commands_are_those_of_the_modules() -> None:
    listed = [(entry.name, entry.help, entry.position) for entry in entries().values()]
    assert listed == [(item.name, item.help[0], item.position) for item in discover()]


def test_headings_of_the_list_of_commands(tmp_path: Path) -> None:
    (tmp_path / "unplaced.py").write_text("COMMAND = Command(name='unplaced', help=('No position.',))")
    sections: dict[str, list[str]] = {}
    for entry in [*entries().values(), *entries([str(tmp_path)]).values()]:
        sections.setdefault(entry.section, []).append(entry.name)
    assert [*sections] == [*SECTIONS.values()]
    assert "upgrade" in sections["Change the deployment"]
    assert sections["Further commands"] == ["unplaced"]
