"""What a file in `commands/` registers, and how the files are found."""

import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inferfleet.cli import commands
from inferfleet.cli.output.row import Row
from inferfleet.cli.output.sections import standard_blocks
from inferfleet.messages import N_
from inferfleet.runner.outcome import Outcome

Result = Mapping[str, Any]
"""What a playbook reported (`set_stats` of `inferfleet`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command; all texts are templates (`N_`).

    `run` is a function with typer's options; `help` has a paragraph an entry; an example is a line and a comment.
    Who runs a playbook names it, and whether it changes nodes: only one such run of an inventory goes at a time.
    """

    name: str
    run: Callable[..., None]
    help: Sequence[str]
    examples: Sequence[tuple[str, str]] = ()
    position: int = 1000
    """Place in the list of commands."""

    playbook: str = ""
    changes_nodes: bool = True
    done: str = N_("Done")
    interrupted: str = N_("Nothing was changed.")
    failed: str = N_("Correct it, then run the same command again: it goes on where it stopped.")

    summarize: Callable[[Result, bool], list[list[Row]]] = standard_blocks
    """Return the blocks of what one service reported, of a run that succeeded or not."""
    outcome: Callable[[Outcome, Result], Outcome] = lambda outcome, result: outcome
    """Return what the result makes of a run's outcome."""
    heading: Callable[[Outcome, Result], str] = lambda outcome, result: ""
    """Return a heading where the blocks of the result explain the outcome: failed tasks are then not listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Commands with a first word in common."""

    name: str
    help: Sequence[str]
    commands: Sequence[Command]
    position: int = 1000


def discover(path: Iterable[str] = commands.__path__) -> list[Command | Group]:
    """Return what the modules in the folders of `path` register as `COMMAND`, in the order of the list of commands."""
    found: list[Command | Group] = [_load(module).COMMAND for module in pkgutil.iter_modules(path)]
    return sorted(found, key=lambda command: (command.position, command.name))


def _load(module: pkgutil.ModuleInfo) -> Any:
    name = f"{commands.__name__}.{module.name}"
    if name not in sys.modules:
        spec = module.module_finder.find_spec(name, None)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]
