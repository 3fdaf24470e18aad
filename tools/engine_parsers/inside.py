"""Runs inside an engine's environment: answers each line of stdin with one of stdout, both JSON.

A list of command lines is answered with the parser's complaint about each, empty for a yes; the text "options" with
every option, each a list of its spellings. Prefixes of options do not count as the option: a typing error is one.
"""

import argparse
import contextlib
import importlib.util
import io
import json
import sys
from pathlib import Path


def main() -> None:
    """Load the program named on the command line and answer what stdin asks."""
    source = Path(__file__).with_name(sys.argv[1])
    with contextlib.redirect_stdout(sys.stderr):
        specification = importlib.util.spec_from_file_location(source.stem, source)
        program = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(program)
        parser, parse = program.load()
        parser.allow_abbrev = False
    for line in sys.stdin:
        question = json.loads(line)
        with contextlib.redirect_stdout(sys.stderr):
            said = options(parser) if question == "options" else [complaint(parse, argv) for argv in question]
        print(json.dumps(said), flush=True)


def options(parser: argparse.ArgumentParser) -> list[list[str]]:
    """Return the spellings of every option."""
    return sorted(
        sorted(set(a.option_strings), key=lambda s: (-len(s), s)) for a in parser._actions if a.option_strings
    )


def complaint(parse, argv: list[str]) -> str:
    """Return why a command line is refused; empty when it is not."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            parse(argv)
    except SystemExit as ended:
        lines = said.getvalue().strip().splitlines()
        return lines[-1] if lines else f"ended with {ended.code}"
    except Exception as error:  # engines have classes of their own for what they refuse
        return str(error) or type(error).__name__
    return ""


if __name__ == "__main__":
    main()
