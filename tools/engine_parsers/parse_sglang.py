"""`python3 -m sglang.launch_server …` as SGLang parses it.

Its package imports Triton, which is not installed and not needed for parsing: a stub replaces it.
The __init__ of the package is skipped: it imports four times as many modules, none needed for the command line.
"""

import argparse
import importlib.abc
import importlib.util
import os
import sys
import types
from pathlib import Path


class Stub(types.ModuleType):
    """A stub of a module, class or decorator."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Stub(f"{self.__name__}.{name}")

    def __call__(self, *given, **named):
        """Return the decorated object unchanged."""
        return given[0] if len(given) == 1 and callable(given[0]) else self


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds Triton and every module below it."""

    def find_spec(self, name, path=None, target=None):
        """Return the spec of a stub module."""
        return importlib.util.spec_from_loader(name, self, is_package=True) if name.split(".")[0] == "triton" else None

    def create_module(self, spec):
        """Return the module."""
        return Stub(spec.name)

    def exec_module(self, module):
        """Do nothing."""


def load():
    """Return the parser and a function that parses one command line."""
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
