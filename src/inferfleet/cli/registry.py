"""Registration and discovery of the commands in `commands/`."""

import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inferfleet.cli import commands
from inferfleet.cli.listing import UNPLACED
from inferfleet.cli.output.row import Row
from inferfleet.cli.output.sections import standard_blocks
from inferfleet.messages import N_
from inferfleet.runner.outcome import Outcome

Result = Mapping[str, Any]
"""The result of a playbook (`set_stats` of `inferfleet`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command; all texts are templates (`N_`).

    `run` is a function with typer options; `help` contains one entry per paragraph; an example is a line and a comment.
    A command that runs a playbook sets `playbook` and `changes_nodes`: such runs of an inventory exclude each other.
    """

    name: str
    run: Callable[..., None]
    help: Sequence[str]
    examples: Sequence[tuple[str, str]] = ()
    position: int = UNPLACED
    """Place in the list of commands, and its heading there (`SECTIONS`)."""

    playbook: str = ""
    changes_nodes: bool = True
    question: str = ""
    """Confirmed by the user before a run without --check; `{hosts}` and `{inventory}` are its scope."""
    done: str = N_("Done")
    interrupted: str = N_("Nothing was changed.")
    failed: str = N_("Fix the error, then run the same command again: it continues where it stopped.")

    summarize: Callable[[Result, bool], list[list[Row]]] = standard_blocks
    """Return the summary blocks of one service; the flag is whether the run succeeded."""
    outcome: Callable[[Outcome, Result], Outcome] = lambda outcome, result: outcome
    """Return the final outcome, given the outcome of the run and its result."""
    heading: Callable[[Outcome, Result], str] = lambda outcome, result: ""
    """Return a heading if the summary blocks explain the outcome; failed tasks are then not listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Commands that share their first word."""

    name: str
    help: Sequence[str]
    commands: Sequence[Command]
    position: int = UNPLACED


def discover(path: Iterable[str] = commands.__path__) -> list[Command | Group]:
    """Return the `COMMAND` of each module in the folders of `path`, sorted by position."""
    items = [load(module) for module in pkgutil.iter_modules(path)]
    return sorted(items, key=lambda command: (command.position, command.name))


def load(module: pkgutil.ModuleInfo) -> Command | Group:
    """Return the `COMMAND` of a module."""
    name = f"{commands.__name__}.{module.name}"
    if name not in sys.modules:
        spec = module.module_finder.find_spec(name, None)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    declared: Command | Group = sys.modules[name].COMMAND
    return declared
