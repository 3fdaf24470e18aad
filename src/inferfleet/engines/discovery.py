"""Discover the engines: every folder with an engine.yml on this package's search path."""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inferfleet import engines
from inferfleet.catalog.loader import load_file, pick
from inferfleet.engines.schema import Engine, FlagFile

if TYPE_CHECKING:
    from inferfleet.engines.launch import Launch
    from inferfleet.engines.measurement import Measurement

_SHARED = ("flexible_flags", "managed", "option_files", "reasoning_parsers", "tool_call_parsers", "phases", "metrics")
"""Properties of a program, which an engine inherits from the one in its `command_line_of`."""


def load_engines() -> dict[str, Engine]:
    """Return all engines by name, in the order of preference for `engine: auto`; raises CatalogError."""
    return {name: engine for name, (_, engine) in _discover().items()}


def engine_folders() -> dict[str, Path]:
    """Return the folder of each engine by name, in the same order; raises CatalogError."""
    return {name: folder for name, (folder, _) in _discover().items()}


def load_engine(name: str) -> Engine:
    """Return the engine called `name`; raises UnknownNameError."""
    return pick("engine", name, load_engines())


def own_port(name: str) -> int:
    """Return the default port of an engine; for `auto`, that of the most preferred engine."""
    known = load_engines()
    return (next(iter(known.values())) if name == "auto" else known[name]).port


def load_command(name: str) -> "Callable[[Launch], list[str]]":
    """Return the function that builds the command line of one node for the engine called `name`."""
    build_argv: Callable[[Launch], list[str]] = _module(name, "command").build_argv
    return build_argv


def load_bench_command(name: str) -> "Callable[[Measurement], list[str]]":
    """Return the function that builds the command line of the benchmark client of the engine called `name`."""
    build_argv: Callable[[Measurement], list[str]] = _module(name, "bench").build_argv
    return build_argv


def load_flags(name: str, version: str) -> FlagFile | None:
    """Return the options of one version of an engine; None if they are not listed.

    Raises CatalogError.
    """
    return _flags(flags_file(name, version))


def flags_file(name: str, version: str) -> Path:
    """Return the file that lists the options of one version of an engine."""
    folder, _ = _discover()[name]
    return folder / "flags" / f"{version}.yml"


def _module(name: str, part: str) -> Any:
    folder, _ = _discover()[name]
    return import_module(f"{engines.__name__}.{folder.name}.{part}")


def _discover() -> dict[str, tuple[Path, Engine]]:
    return _search(tuple(engines.__path__))


@cache
def _search(path: tuple[str, ...]) -> dict[str, tuple[Path, Engine]]:
    files = [file for folder in path for file in sorted(Path(folder).glob("*/engine.yml"))]
    read = [(file.parent, load_file(file, Engine)) for file in files]
    named = {engine.name or folder.name: (folder, engine) for folder, engine in read}
    for name, (folder, engine) in named.items():
        if engine.command_line_of:
            _, shared = pick(f"command_line_of of engine {name}", engine.command_line_of, named)
            named[name] = folder, engine.model_copy(update={key: getattr(shared, key) for key in _SHARED})
    return dict(sorted(named.items(), key=lambda item: (item[1][1].preference or float("inf"), item[0])))


@cache
def _flags(file: Path) -> FlagFile | None:
    return load_file(file, FlagFile) if file.is_file() else None
