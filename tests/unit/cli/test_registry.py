"""Commands are discovered from their modules."""

import re
from pathlib import Path

from inferfleet.cli import commands
from inferfleet.cli.registry import Command, Group, discover


def test_commands_are_listed_in_no_other_module() -> None:
    package = Path(commands.__file__).parent.parent
    names = [path.stem for path in (package / "commands").glob("[!_]*.py")]
    generic = [path.read_text() for path in (package / "output").glob("*.py")]
    generic += [(package / name).read_text() for name in ("app.py", "registry.py", "execute.py", "language.py")]
    assert len(names) >= 13
    for text in generic:
        assert [name for name in names if re.search(rf"(commands\.|import ){name}\b", text)] == []


def test_playbooks_of_all_commands_exist() -> None:
    root = Path(__file__).parents[3]
    found = [item for entry in discover() for item in (entry.commands if isinstance(entry, Group) else [entry])]
    assert all(isinstance(command, Command) and command.help for command in found)
    assert [c.name for c in found if c.playbook and not (root / c.playbook).is_file()] == []
