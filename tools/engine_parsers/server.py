"""Runs in the environment of an engine: answers each line of stdin with a line of stdout, both JSON.

A list of command lines returns the parser error of each, empty if valid; the text "options" returns all options, each
as a list of its spellings, and "switches" those without a value, by their first spelling. Abbreviated options are
errors, so that typos are detected.
"""

import argparse
import contextlib
import importlib.util
import io
import json
import sys
from pathlib import Path


def main() -> None:
    """Load the program given on the command line and answer the requests from stdin."""
    source = Path(__file__).with_name(sys.argv[1])
    with contextlib.redirect_stdout(sys.stderr):
        specification = importlib.util.spec_from_file_location(source.stem, source)
        program = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(program)
        parser, parse = program.load()
        parser.allow_abbrev = False
    for line in sys.stdin:
        request = json.loads(line)
        with contextlib.redirect_stdout(sys.stderr):
            if request == "options":
                response = options(parser)
            elif request == "switches":
                response = switches(parser)
            else:
                response = [error_of(parse, argv) for argv in request]
        print(json.dumps(response), flush=True)


def options(parser: argparse.ArgumentParser) -> list[list[str]]:
    """Return the spellings of every option."""
    return sorted(spelled for spelled, _ in _actions(parser))


def switches(parser: argparse.ArgumentParser) -> list[str]:
    """Return the first spelling of every option without a value."""
    return sorted(spelled[0] for spelled, action in _actions(parser) if action.nargs == 0)


def _actions(parser: argparse.ArgumentParser) -> list[tuple[list[str], argparse.Action]]:
    """Return each option with its spellings, the longest first, also those that its help hides (vLLM since 0.33)."""
    spellings: dict[argparse.Action, list[str]] = {}
    for spelling, action in parser._option_string_actions.items():
        spellings.setdefault(action, []).append(spelling)
    return [(sorted(own, key=lambda s: (-len(s), s)), action) for action, own in spellings.items()]


def error_of(parse, argv: list[str]) -> str:
    """Return the parser error of a command line; empty if it is valid."""
    output = io.StringIO()
    try:
        with contextlib.redirect_stderr(output):
            parse(argv)
    except SystemExit as ended:
        lines = output.getvalue().strip().splitlines()
        return lines[-1] if lines else f"exited with {ended.code}"
    except Exception as error:  # engines raise their own exception classes
        return str(error) or type(error).__name__
    return ""


if __name__ == "__main__":
    main()
