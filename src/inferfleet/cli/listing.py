"""Names and first lines of the commands, read from their source: a list of all commands imports none of them."""

import ast
import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from inferfleet.cli import commands
from inferfleet.messages import N_

UNPLACED = 1000
"""Position of a command that states none."""
SECTIONS = {
    0: N_("Plan and deploy"),
    100: N_("Observe"),
    200: N_("Change the deployment"),
    300: N_("Stop, start and maintain"),
    400: N_("Measure"),
    UNPLACED: N_("Further commands"),
}
"""Headings in the list of commands, each by the first position below it."""
_DECLARATION = "COMMAND"


@dataclass(frozen=True, slots=True)
class Entry:
    """A command or a group of commands, as its module declares it; `help` is its first paragraph."""

    name: str
    help: str
    position: int
    module: pkgutil.ModuleInfo

    @property
    def section(self) -> str:
        """Return the heading above the command in the list."""
        return SECTIONS[max(first for first in SECTIONS if first <= self.position)]


def entries(path: Iterable[str] = commands.__path__) -> dict[str, Entry]:
    """Return by name the commands that the modules in the folders of `path` declare, in the order of their positions.

    Their names, positions and first paragraphs are literals (a test compares them with the imported modules).
    """
    found = [_entry(module) for module in pkgutil.iter_modules(path)]
    return {entry.name: entry for entry in sorted(found, key=lambda entry: (entry.position, entry.name))}


def _entry(module: pkgutil.ModuleInfo) -> Entry:
    spec = module.module_finder.find_spec(module.name, None)
    assert spec is not None
    assert spec.origin is not None
    declared = _declaration(ast.parse(Path(spec.origin).read_text(encoding="utf-8")))
    given = {keyword.arg: keyword.value for keyword in declared.keywords}
    text = given["help"].elts[0] if isinstance(given["help"], ast.Tuple) else given["help"]
    template = text.args[0] if isinstance(text, ast.Call) else text  # N_("...")
    position = ast.literal_eval(given["position"]) if "position" in given else UNPLACED
    return Entry(ast.literal_eval(given["name"]), ast.literal_eval(template), position, module)


def _declaration(tree: ast.Module) -> ast.Call:
    for node in tree.body:
        named = isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == _DECLARATION for target in node.targets
        )
        if named and isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            return node.value
    raise ValueError(f"the module declares no {_DECLARATION}")
