"""A command is one file: it shows up in help and runs, and nothing else names it."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inferfleet.cli import commands
from inferfleet.cli.app import make_app
from inferfleet.cli.registry import Command, Group, discover

GREET = '''
"""`inferfleet greet`: a command that this test makes up."""

from inferfleet.cli.execute import execute
from inferfleet.cli.options import RunOptions, takes_run_options
from inferfleet.cli.output.row import Row
from inferfleet.cli.registry import Command


@takes_run_options
def greet(options: RunOptions) -> None:
    """Run the playbook that greets."""
    raise SystemExit(execute(COMMAND, options))


COMMAND = Command(
    name="greet",
    run=greet,
    position=15,
    playbook="playbooks/status.yml",
    changes_nodes=False,
    help=("Greet the nodes.",),
    examples=(("inferfleet greet -i inventories/lab", "politely"),),
    done="Greeted",
    summarize=lambda result, succeeded: [[Row("greeting", "hello")]],
)
'''


@pytest.fixture
def greeting(tmp_path: Path) -> Iterator[list[str]]:
    (tmp_path / "greet.py").write_text(GREET)
    yield [*commands.__path__, str(tmp_path)]
    sys.modules.pop(f"{commands.__name__}.greet", None)


def test_a_new_file_is_a_new_command(greeting: list[str], demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(demo)
    app = make_app(greeting)
    listed = CliRunner().invoke(app, ["--help"]).stdout
    assert listed.index("up ") < listed.index("greet ") < listed.index("Greet the nodes.") < listed.index("status ")
    shown = CliRunner().invoke(app, ["greet", "--help"]).stdout
    assert "inferfleet greet -i inventories/lab  # politely" in shown
    assert "--inventory" in shown
    done = CliRunner().invoke(app, ["greet", "-i", "inventories/demo"])
    assert done.exit_code == 0
    assert done.stdout.splitlines()[1].startswith("$ ansible-playbook playbooks/status.yml -i inventories/demo")
    assert "OK: Greeted" in done.stdout
    assert "  greeting: hello" in done.stdout.splitlines()


def test_only_its_own_module_names_a_command() -> None:
    package = Path(commands.__file__).parent.parent
    names = [path.stem for path in (package / "commands").glob("[!_]*.py")]
    generic = [path.read_text() for path in (package / "output").glob("*.py")]
    generic += [(package / name).read_text() for name in ("app.py", "registry.py", "execute.py", "language.py")]
    assert len(names) >= 13
    for text in generic:
        assert [name for name in names if re.search(rf"(commands\.|import ){name}\b", text)] == []


def test_every_playbook_of_a_command_is_there() -> None:
    root = Path(__file__).parents[3]
    found = [item for entry in discover() for item in (entry.commands if isinstance(entry, Group) else [entry])]
    assert all(isinstance(command, Command) and command.help for command in found)
    assert [c.name for c in found if c.playbook and not (root / c.playbook).is_file()] == []
