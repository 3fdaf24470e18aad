"""`python3 -m sglang.launch_server …` as SGLang reads it.

Its package imports Triton, which no command line needs and is not installed: an empty module stands in.
The package's own __init__ is passed over: it imports four times as much, none of it for the command line.
"""

import argparse
import importlib.abc
import importlib.util
import os
import sys
import types
from pathlib import Path


class Nothing(types.ModuleType):
    """A module, class or decorator that is there and does nothing."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing(f"{self.__name__}.{name}")

    def __call__(self, *given, **named):
        """Return what is decorated, as it is."""
        return given[0] if len(given) == 1 and callable(given[0]) else self


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds Triton and every module below it."""

    def find_spec(self, name, path=None, target=None):
        """Return how such a module is made."""
        return importlib.util.spec_from_loader(name, self, is_package=True) if name.split(".")[0] == "triton" else None

    def create_module(self, spec):
        """Return the module."""
        return Nothing(spec.name)

    def exec_module(self, module):
        """Leave the module as it is."""


def load():
    """Return the parser and what parses one command line."""
    sys.meta_path.append(Finder())
    package = types.ModuleType("sglang")
    package.__path__ = [str(Path(os.environ["PYTHONPATH"]) / "sglang")]
    sys.modules["sglang"] = package
    from sglang.srt.server_args import ServerArgs

    parser = argparse.ArgumentParser(prog="sglang.launch_server", allow_abbrev=False)
    ServerArgs.add_cli_args(parser)

    def parse(argv):
        if argv[0] != "python3" or "sglang.launch_server" not in argv[2]:
            raise ValueError(f"{argv[:3]} is not sglang.launch_server")
        parser.parse_args(argv[3:])

    return parser, parse
